"use strict";

const assert = require("node:assert/strict");
const test = require("node:test");

const limits = require("../lib/limits");

const ALLOWED = {
  service: ["users", "a", "_a", "a_", "users.v2", "x".repeat(63), `${"x".repeat(63)}.${"y".repeat(63)}`],
  stage: ["dev", "pr-123", "-", "a.b_c", "x".repeat(40)],
  version: ["1.2.3", "0.0.0", "2.0.0-rc.1", "1.0.0+build.5"],
  label: ["acme", "a b", "~"],
  weight: [0, 100, 1_000_000],
  drainSeconds: [0, 0.5, 800],
  attributeKey: ["color", "depends-on", "x".repeat(255)],
  attributeValue: ["", "a b", "x".repeat(1024)],
  dependency: ["users", "payments@^1.2", "payments @ 1.x || 2.x"],
  url: ["https://api.example.com", "http://localhost:3000/v1"],
};
const REFUSED = {
  service: ["", "-a", "a-", "_", "a..b", "a b", "ü", "x".repeat(64), `${"x.".repeat(63)}xx`],
  stage: ["", "dev>prod", "a b", "x".repeat(41), "dev\n"],
  version: ["1.2", "v1.2.3", "01.2.3", "1.2.3-", "latest", `1.0.0-${"x".repeat(256)}`],
  label: ["", " a", "ü", "x".repeat(1025)],
  weight: [-1, 0.5, 1_000_001, "1", NaN],
  drainSeconds: [-1, 801, "1", Infinity],
  attributeKey: ["", "stage", "owner-ref", "AWS_INSTANCE_IPV4", "aws_x", "a b", "x".repeat(256)],
  attributeValue: [" a", "ü", "a\n", "x".repeat(1025)],
  dependency: ["", "@1", "users@", "users@1,2", "a b"],
  url: ["api.example.com", "https://", "https:///a", "ftp://a", "https://a b"],
};

for (const [name, check] of Object.entries(limits)) {
  test(`${name} is allowed up to its limit`, () => {
    for (const value of ALLOWED[name]) assert.equal(check(value), undefined, JSON.stringify(value));
  });

  test(`${name} is refused beyond it, with the limit`, () => {
    for (const value of REFUSED[name]) assert.match(String(check(value)), /\w{3}/, JSON.stringify(value));
    assert.ok(REFUSED[name].every((value) => check(value) !== undefined));
  });
}
