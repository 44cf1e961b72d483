// The one error of this plugin: what in serverless.yml is wrong, all of it at once.
"use strict";

class ConfigurationError extends Error {
  constructor(faults) {
    super(faults.length === 1 ? faults[0] : `\n     ${faults.join("\n     ")}`);
    this.name = "ConfigurationError";
    this.faults = faults;
  }
}

// A value as a message shows it: enough of it to be recognized.
function show(value) {
  const text = JSON.stringify(value) ?? String(value);
  return text.length <= 200 ? text : `${text.slice(0, 199)}…`;
}

module.exports = { ConfigurationError, show };
