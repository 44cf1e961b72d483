// Gives functions what they need to look services up: the stage, and the layer where that is asked for.
"use strict";

const { isDeepStrictEqual } = require("node:util");

const { BLOCK } = require("./configuration");
const { ConfigurationError, show } = require("./errors");

const VARIABLE = "DISCOVERY_STAGE";
const MAX_LAYERS = 5;
// A parameter and no export: CloudFormation changes no export that a stack imports, and each version has another ARN.
// As a function rather than text, for `deploy function` leaves what it cannot resolve as it is.
const LAYER = { "Fn::Join": ["", ["{{resolve:ssm:/cloudmap-discovery/layer}}"]] };

// Set the stage for all functions; what the user has set anywhere stays.
function addStage(service, stage) {
  service.provider.environment = { [VARIABLE]: stage, ...service.provider.environment };
}

// Attach the layer to the functions that can use it: Python, in a zip.
function addLayer(service, wanted) {
  const layer = wanted === true ? LAYER : wanted;
  const { provider } = service;
  const faults = [];
  for (const [name, one] of Object.entries(service.functions)) {
    const runtime = one.runtime ?? provider.runtime ?? "";
    if (one.image || !String(runtime).startsWith("python")) continue;
    const others = one.layers ?? provider.layers ?? [];
    one.layers = others.some((other) => isDeepStrictEqual(other, layer)) ? others : [...others, layer];
    if (one.layers.length > MAX_LAYERS) {
      faults.push(
        `${BLOCK}.layer is ${show(wanted)}: function ${name} would have ${one.layers.length} layers; ` +
          `the limit is ${MAX_LAYERS}`,
      );
    }
  }
  if (faults.length > 0) throw new ConfigurationError(faults);
}

module.exports = { addLayer, addStage };
