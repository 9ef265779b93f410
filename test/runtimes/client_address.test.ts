import { describe, expect, it } from "vitest";
import { PROXY_HOPS_MAX } from "../../src/limits.ts";
import { clientAddressBehind } from "../../src/runtimes/local/client_address.ts";
import { expectLinear } from "../bounds/cost.ts";

const TRUSTED = ["127.0.0.1", "10.0.0.0/8", "2001:db8::/32"];
const client = clientAddressBehind(TRUSTED);

describe("the address of a client behind proxies", () => {
  it.each<[string | null, string | null, string | null, string]>([
    ["198.51.100.7", "203.0.113.9", "198.51.100.7", "a stranger's header is not believed"],
    ["127.0.0.1", null, "127.0.0.1", "a proxy that says nothing is the client itself"],
    ["127.0.0.1", "203.0.113.9", "203.0.113.9", "one proxy"],
    ["127.0.0.1", "1.1.1.1, 203.0.113.9", "203.0.113.9", "what the client wrote itself is left"],
    ["127.0.0.1", "1.1.1.1, 203.0.113.9, 10.1.2.3", "203.0.113.9", "two proxies in a row"],
    ["127.0.0.1", "10.9.9.9,10.1.2.3", "10.9.9.9", "a client inside of the proxies' network"],
    ["::ffff:127.0.0.1", "203.0.113.9", "203.0.113.9", "an IPv4 proxy on an IPv6 socket"],
    ["2001:db8::1", "2001:4860::8888", "2001:4860::8888", "IPv6"],
    ["127.0.0.1", "[2001:4860::8888]:4711", "2001:4860::8888", "IPv6 with a port"],
    ["127.0.0.1", "203.0.113.9:4711", "203.0.113.9", "IPv4 with a port"],
    ["127.0.0.1", "2001:4860:0:0:0:0:0:8888", "2001:4860::8888", "in its shortest form"],
    ["127.0.0.1", "1.1.1.1, unknown", "127.0.0.1", "a hop without an address ends the way"],
    ["127.0.0.1", "1.1.1.1, 10.0.0.0/8", "127.0.0.1", "a block is no address"],
    ["127.0.0.1", "1.1.1.1, , 10.1.2.3", "10.1.2.3", "an empty hop ends the way"],
    ["127.0.0.1", "", "127.0.0.1", "an empty header"],
    [null, "203.0.113.9", null, "who is connected is not known"],
  ])("%s with %j is %s: %s", (peer, header, expected) => {
    expect(client(peer, header)).toBe(expected);
  });

  it("is that of the connection while no proxy is named, whatever a header says", () => {
    expect(clientAddressBehind([])("127.0.0.1", "203.0.113.9")).toBe("127.0.0.1");
  });

  it("is looked for among so many hops, and no further", () => {
    const hops = (count: number) => ["203.0.113.9", ...Array(count).fill("10.1.1.1")].join(", ");
    expect(client("127.0.0.1", hops(PROXY_HOPS_MAX - 1))).toBe("203.0.113.9");
    expect(client("127.0.0.1", hops(PROXY_HOPS_MAX))).toBe("10.1.1.1");
  });

  it("costs as much to find as the header is long", async () => {
    await expectLinear((factor) => {
      const header = "10.1.1.1, ".repeat(5000 * factor);
      return () => client("127.0.0.1", `${header}10.1.1.1`);
    });
  });
});
