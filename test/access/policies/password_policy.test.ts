import { describe, expect, it } from "vitest";
import {
  generatePassword,
  parsePasswordPolicy,
} from "../../../src/access/policies/password_policy.ts";
import { randomBytes } from "../../../src/crypto/random.ts";
import { refusalOf } from "../refusal.ts";

const LETTERS = 'rule "charset" { charset = "abc" }';

describe("parsePasswordPolicy()", () => {
  it("parsePasswordPolicy() reads length, charsets and minima, in HCL and in JSON", () => {
    const parsed = {
      length: 8,
      rules: [{ charset: ["a", "b", "🔑"], minChars: 2 }, { charset: ["1"], minChars: 0 }],
    };
    const hcl = `length = 8
      rule "charset" { charset = "ab🔑" min-chars = 2 }
      rule "charset" { charset = "1" }`;
    const json = `{"length": 8, "rule": [
      {"charset": [{"charset": "ab🔑", "min-chars": 2}]}, {"charset": {"charset": "1"}}]}`;
    expect(parsePasswordPolicy(hcl)).toEqual(parsed);
    expect(parsePasswordPolicy(json)).toEqual(parsed);
  });

  it.each<[string, string]>([
    ["zz", "invalid password policy: unable to decode: At 1:3: key 'zz' expected start of"],
    ["length = 20", "invalid password policy: 1 error occurred:\n\t* no charset specified\n\n"],
    [LETTERS, "invalid password policy: 1 error occurred:\n\t* length must be > 0\n\n"],
    [`length = 3\n${LETTERS}`, "passwords must be between 4 and 100 characters"],
    [`length = 101\n${LETTERS}`, "passwords must be between 4 and 100 characters"],
    [
      'length = 8 rule "charset" { charset = "a" min-chars = 9 }',
      "invalid password policy: 1 error occurred:\n" +
      "\t* specified rules require at least 9 characters but 8 is specified\n\n",
    ],
    [
      'length = 0 rule "charset" { charset = "" }',
      "invalid password policy: 2 errors occurred:\n" +
      "\t* length must be > 0\n\t* no charset specified\n\n",
    ],
    [
      'length = 8 rule "charset" { charset = "a\\u0001" }',
      "invalid password policy: 1 error occurred:\n\t* non-printable character in charset\n\n",
    ],
    [
      'length = 8 rule "zz" { }',
      "invalid password policy: unable to parse rules: unable to parse rule zz: " +
      "unrecognized rule type zz",
    ],
    [`length = "8"\n${LETTERS}`, "invalid password policy: failed to decode configuration: "],
    [`length = 8 rule { charset = "a" }`, "invalid password policy: unable to parse rules: "],
    [
      `length = 8 ${LETTERS} rule "charset" { charset = "" min-chars = 1 }`,
      "unable to construct test password from provided policy: are the rules impossible?",
    ],
  ])("parsePasswordPolicy() refuses %j", (text, message) => {
    expect(refusalOf(() => parsePasswordPolicy(text))).toContain(message);
  });
});

describe("generatePassword()", () => {
  it("generatePassword() respects length, charsets and minima", () => {
    const policy = parsePasswordPolicy(
      'length = 12 rule "charset" { charset = "ab" min-chars = 3 } ' +
        'rule "charset" { charset = "01" min-chars = 3 }',
    );
    for (let round = 0; round < 200; round += 1) {
      const password = generatePassword(policy, randomBytes);
      expect(password).toMatch(/^[ab01]{12}$/);
      expect(password.replace(/[01]/g, "").length).toBeGreaterThanOrEqual(3);
      expect(password.replace(/[ab]/g, "").length).toBeGreaterThanOrEqual(3);
    }
  });

  it("generatePassword() discards bytes that would favour the start of the charset", () => {
    const policy = parsePasswordPolicy(`length = 4\n${LETTERS}`);
    const bytes = [255, 0, 1, 2, 254];
    expect(generatePassword(policy, (length) => Uint8Array.from(bytes.splice(0, length))))
      .toBe("abcc");
  });

  it("generatePassword() gives up on a policy that hardly any password satisfies", () => {
    const policy = parsePasswordPolicy(
      'length = 30 rule "charset" { charset = "a" min-chars = 30 } ' +
        'rule "charset" { charset = "bcdefgh" }',
    );
    expect(refusalOf(() => generatePassword(policy, randomBytes))).toContain("timed out");
  });

  it("generatePassword() refuses a charset of more than 256 characters", () => {
    const charset = Array.from({ length: 257 }, (_, index) => String.fromCodePoint(0x4e00 + index));
    const policy = parsePasswordPolicy(
      `length = 8 rule "charset" { charset = "${charset.join("")}" }`,
    );
    expect(refusalOf(() => generatePassword(policy, randomBytes))).toContain("too long");
  });
});
