import { describe, expect, it } from "vitest";
import { pathOfTarget, targetOfJoinedUrl } from "../../src/runtimes/raw_target.ts";

describe("raw target", () => {
  it.each([
    ["/v1//a/./../%2e%2e?x=//&y=http://h/", "/v1//a/./../%2e%2e?x=//&y=http://h/"],
    ["//h/v1", "//h/v1"],
    ["http://h:1/v1/a?b", "/v1/a?b"],
    ["HTTPS://u@h", "/"],
    ["http://h?x", "/?x"],
    ["*", "*"],
  ])("pathOfTarget() of %s is %s", (target, path) => {
    expect(pathOfTarget(target)).toBe(path);
  });

  it.each<[string, string | null, string]>([
    ["http://h:1/v1/../a", "h:1", "/v1/../a"],
    ["http://a/b/v1/real", "a/b", "/v1/real"],
    ["http://a?b/v1/real", "a?b", "/v1/real"],
    ["http://other/v1/a", "h", "/v1/a"],
    ["http://hh/v1/a", "h", "/v1/a"],
    ["http://localhost:1/v1/a", null, "/v1/a"],
    ["http://localhost:1/v1/a", "", "/v1/a"],
  ])("targetOfJoinedUrl() of %s with the Host %s is %s", (url, host, target) => {
    expect(targetOfJoinedUrl(url, host)).toBe(target);
  });
});
