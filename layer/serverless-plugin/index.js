// A plugin of the Serverless Framework: a service is registered when it is deployed, and gone when it is removed.
"use strict";

const { BLOCK, readRegistrations } = require("./lib/configuration");
const { ConfigurationError } = require("./lib/errors");
const { addLayer, addStage } = require("./lib/functions");
const { addRegistrations } = require("./lib/registrations");
const { schema } = require("./lib/schema");

class CloudMapDiscovery {
  constructor(serverless, options, { log }) {
    this.serverless = serverless;
    this.log = log;
    // The framework loads it for services of this provider only.
    this.provider = serverless.getProvider("aws");
    serverless.configSchemaHandler.defineCustomProperties(schema);
    this.hooks = {
      // For every command: `invoke local` and `deploy function` take functions from here as well.
      "initialize": () => this.translated(() => this.prepareFunctions()),
      "before:package:initialize": () => this.translated(() => this.read()),
      // The first moment at which the events of all functions and the user's own resources are in the template, and
      // the last but one before it is saved.
      "after:aws:package:finalize:mergeCustomProviderResources": () => this.translated(() => this.add()),
      "after:deploy:deploy": () => this.report(),
    };
  }

  get block() {
    return this.serverless.service.custom?.discovery ?? {};
  }

  prepareFunctions() {
    const { environment, layer, stage } = this.block;
    if (environment !== false) addStage(this.serverless.service, String(stage ?? this.provider.getStage()));
    if (layer) addLayer(this.serverless.service, layer);
  }

  read() {
    const { service } = this.serverless;
    const defaults = { service: service.service, stage: this.provider.getStage() };
    this.registrations = readRegistrations(this.block, defaults, Object.keys(service.functions));
  }

  add() {
    const { provider } = this.serverless.service;
    const world = {
      resources: provider.compiledCloudFormationTemplate.Resources,
      naming: this.provider.naming,
      provider,
      stage: this.provider.getStage(),
    };
    this.lines = addRegistrations(world, this.registrations, this.block.registrar ?? undefined);
    if (this.lines.length === 0) {
      this.log.warning(`Nothing is registered: the service has no API, and ${BLOCK}.functions names no function`);
    }
    for (const line of this.lines) this.log.info(`Registers ${line}`);
  }

  report() {
    // A deployment of what was packaged earlier has none.
    if (this.lines?.length > 0) this.serverless.addServiceOutputSection("discovery", this.lines);
  }

  translated(action) {
    try {
      return action();
    } catch (error) {
      if (!(error instanceof ConfigurationError)) throw error;
      throw new this.serverless.classes.Error(error.message, "CLOUDMAP_DISCOVERY_CONFIGURATION");
    }
  }
}

module.exports = CloudMapDiscovery;
