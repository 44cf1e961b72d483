// Names and values held against the registry's limits, which are those of cloudmap_discovery/limits.py, so that what
// the registrar would refuse in the middle of a deployment is refused before it. Each returns the limit that is broken.
"use strict";

const MAX_SERVICE_NAME = 127;
const MAX_ATTRIBUTE_KEY = 255;
const MAX_ATTRIBUTE_VALUE = 1024;
const MAX_VERSION = 256;
const MAX_WEIGHT = 1_000_000;
// Of the 900 seconds that a function has.
const MAX_DRAIN_SECONDS = 800;
const RESERVED_ATTRIBUTES = [
  "endpoint", "owner", "owner-ref", "registered-at", "stage", "tenant", "variant", "version", "weight",
];

const LABEL = "(?:[A-Za-z0-9_][A-Za-z0-9_-]{0,61}[A-Za-z0-9_]|[A-Za-z0-9])";
const SERVICE = new RegExp(`^${LABEL}(?:\\.${LABEL})*$`);
const STAGE = /^[A-Za-z0-9_.-]{1,40}$/;
const ATTRIBUTE_KEY = /^[!-~]+$/;
const ATTRIBUTE_VALUE = /^(?:[!-~][ -~\t]*)?$/;
const IDENTIFIER = "(?:0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)";
const VERSION = new RegExp(
  "^(?:0|[1-9][0-9]*)\\.(?:0|[1-9][0-9]*)\\.(?:0|[1-9][0-9]*)" +
    `(?:-${IDENTIFIER}(?:\\.${IDENTIFIER})*)?(?:\\+[0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*)?$`,
);

function service(text) {
  if (text.length > MAX_SERVICE_NAME) return `has ${text.length} characters; the limit is ${MAX_SERVICE_NAME}`;
  if (SERVICE.test(text)) return undefined;
  return (
    "a name is labels of 1 to 63 of the characters A-Z a-z 0-9 _ - separated by dots; " +
    "no label begins or ends with - or is _ alone"
  );
}

function stage(text) {
  if (STAGE.test(text)) return undefined;
  return 'a stage is 1 to 40 of the characters A-Z a-z 0-9 _ . - (and "-" alone means no stage)';
}

function version(text) {
  if (text.length <= MAX_VERSION && VERSION.test(text)) return undefined;
  return "must be a semantic version such as 1.4.2 or 2.0.0-rc.1, in quotes where YAML takes it for a number";
}

// A tenant or a variant.
function label(text) {
  return text === "" ? "must not be empty; leave it out for none" : attributeValue(text);
}

function weight(number) {
  if (Number.isInteger(number) && number >= 0 && number <= MAX_WEIGHT) return undefined;
  return `must be a whole number from 0 (drained) to ${MAX_WEIGHT}`;
}

function drainSeconds(number) {
  if (Number.isFinite(number) && number >= 0 && number <= MAX_DRAIN_SECONDS) return undefined;
  return `must be a number of seconds from 0 to ${MAX_DRAIN_SECONDS}, as the registrar's function has 900`;
}

function attributeKey(text) {
  if (RESERVED_ATTRIBUTES.includes(text)) {
    return `this name is a record's own field; reserved are ${RESERVED_ATTRIBUTES.join(", ")}`;
  }
  if (text.toUpperCase().startsWith("AWS_")) return "keys that start with AWS_ belong to AWS";
  if (text.length < 1 || text.length > MAX_ATTRIBUTE_KEY) {
    return `a key of ${text.length} characters; the limit is 1 to ${MAX_ATTRIBUTE_KEY}`;
  }
  return ATTRIBUTE_KEY.test(text) ? undefined : "a key must be printable ASCII without spaces";
}

function attributeValue(text) {
  if (text.length > MAX_ATTRIBUTE_VALUE) return `has ${text.length} characters; the limit is ${MAX_ATTRIBUTE_VALUE}`;
  return ATTRIBUTE_VALUE.test(text) ? undefined : "must be printable ASCII without a space in front";
}

// "users" or "payments@^1.2"; whether the range is one is for the registrar to say, which has the grammar.
function dependency(text) {
  const [name, ...ranges] = text.split("@");
  const range = ranges.join("@").trim();
  const fault = service(name.trim());
  if (fault !== undefined) return `must be a service, with its range after an @ (users, payments@^1.2): ${fault}`;
  if (ranges.length > 0 && range === "") return "a range follows the @; without one, leave the @ out";
  return range.includes(",") ? "a comma would end the range; alternatives have || between them" : undefined;
}

// A URL as `http` takes it.
function url(text) {
  if (/^https?:\/\/[^\s/]+\S*$/.test(text)) return attributeValue(text);
  return "must be httpApi, restApi, or a URL that begins with https:// or http:// and has no white space";
}

module.exports = {
  attributeKey, attributeValue, dependency, drainSeconds, label, service, stage, url, version, weight,
};
