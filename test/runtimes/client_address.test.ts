import { describe, expect, it } from "vitest";
import { PROXY_HOPS_MAX } from "../../src/limits.ts";
import { clientAddressBehind } from "../../src/runtimes/local/client_address.ts";
import { expectLinear } from "../bounds/cost.ts";

const TRUSTED = ["127.0.0.1", "10.0.0.0/8", "2001:db8::/32"];
const client = clientAddressBehind(TRUSTED);

describe("client address behind proxies", () => {
  it.each<[string | null, string | null, string | null, string]>([
    ["198.51.100.7", "203.0.113.9", "198.51.100.7", "a header of an untrusted peer is ignored"],
    ["127.0.0.1", null, "127.0.0.1", "a proxy without the header is the client"],
    ["127.0.0.1", "203.0.113.9", "203.0.113.9", "one proxy"],
    [
      "127.0.0.1",
      "1.1.1.1, 203.0.113.9",
      "203.0.113.9",
      "addresses written by the client are ignored",
    ],
    ["127.0.0.1", "1.1.1.1, 203.0.113.9, 10.1.2.3", "203.0.113.9", "two proxies in a row"],
    ["127.0.0.1", "10.9.9.9,10.1.2.3", "10.9.9.9", "a client inside the proxies' network"],
    ["::ffff:127.0.0.1", "203.0.113.9", "203.0.113.9", "an IPv4 proxy on an IPv6 socket"],
    ["2001:db8::1", "2001:4860::8888", "2001:4860::8888", "IPv6"],
    ["127.0.0.1", "[2001:4860::8888]:4711", "2001:4860::8888", "IPv6 with a port"],
    ["127.0.0.1", "203.0.113.9:4711", "203.0.113.9", "IPv4 with a port"],
    ["127.0.0.1", "2001:4860:0:0:0:0:0:8888", "2001:4860::8888", "IPv6 in its shortest form"],
    ["127.0.0.1", "1.1.1.1, unknown", "127.0.0.1", "a hop without an address ends the chain"],
    ["127.0.0.1", "1.1.1.1, 10.0.0.0/8", "127.0.0.1", "a block is not an address"],
    ["127.0.0.1", "1.1.1.1, , 10.1.2.3", "10.1.2.3", "an empty hop ends the chain"],
    ["127.0.0.1", "", "127.0.0.1", "an empty header"],
    [null, "203.0.113.9", null, "the peer is unknown"],
  ])("the client of %s with the header %j is %s: %s", (peer, header, expected) => {
    expect(client(peer, header)).toBe(expected);
  });

  it("without trusted proxies the client address is the peer's, whatever the header", () => {
    expect(clientAddressBehind([])("127.0.0.1", "203.0.113.9")).toBe("127.0.0.1");
  });

  it("the client address is searched in a limited number of hops", () => {
    const hops = (count: number) => ["203.0.113.9", ...Array(count).fill("10.1.1.1")].join(", ");
    expect(client("127.0.0.1", hops(PROXY_HOPS_MAX - 1))).toBe("203.0.113.9");
    expect(client("127.0.0.1", hops(PROXY_HOPS_MAX))).toBe("10.1.1.1");
  });

  it("finding the client address takes time linear in the header", async () => {
    await expectLinear((factor) => {
      const header = "10.1.1.1, ".repeat(5000 * factor);
      return () => client("127.0.0.1", `${header}10.1.1.1`);
    });
  });
});
