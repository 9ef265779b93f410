/** An expensive PGP key: hundreds of self-signatures, each of which must be checked. */

import { Buffer } from "node:buffer";
import { generateKey, PacketList, SignaturePacket } from "openpgp";

const SIGNATURES = 500;

/** Returns the base64 of the binary key, about 130 KB. */
export async function createCostlyKey() {
  const { publicKey } = await generateKey({
    userIDs: [{ name: "a" }],
    type: "curve448",
    format: "object",
    config: { v6Keys: true, aeadProtect: true },
  });
  const [good] = publicKey.directSignatures;
  const bytes = good.write();
  const packets = new PacketList();
  packets.push(publicKey.keyPacket, good);
  for (let index = 0; index < SIGNATURES; index++) {
    const changed = bytes.slice();
    // After the digest's first bytes, so that only the full check finds it wrong.
    changed[changed.length - 5] ^= 1 + (index & 63);
    changed[changed.length - 6] ^= (index >> 6) & 255;
    const signature = new SignaturePacket();
    signature.read(changed);
    packets.push(signature);
  }
  for (const user of publicKey.users) packets.push(user.userID, ...user.selfCertifications);
  for (const subkey of publicKey.subkeys) {
    packets.push(subkey.keyPacket, ...subkey.bindingSignatures);
  }
  return Buffer.from(packets.write()).toString("base64");
}
