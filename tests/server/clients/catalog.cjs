// Does what its argument asks for with the published SDK of serverless-discovery, and prints what came of each step.
const { DiscoverySdk, DiscoveryServiceApi } = require("@adastradev/serverless-discovery-sdk");

const CREDENTIALS = {
  none: { type: "None" },
  iam: { type: "IAM", accessKeyId: "AKIDEXAMPLE", secretAccessKey: "a-secret-that-opens-nothing" },
  bearer: { type: "BearerToken", idToken: "a-token-that-opens-nothing" },
};

async function main() {
  const { url, credentials = "none", stage, dependencies = {}, steps } = JSON.parse(process.argv[2]);
  const sdk = new DiscoverySdk(url, "eu-central-1", stage, undefined, new Map(Object.entries(dependencies)));
  const api = new DiscoveryServiceApi(url, "eu-central-1", CREDENTIALS[credentials]);
  const done = [];
  for (const [name, ...given] of steps) {
    try {
      if (name === "lookup") {
        done.push(await sdk.lookupService(...given.map((each) => each ?? undefined)));
      } else {
        const { status, data } = await api[name](...given);
        done.push({ status, data });
      }
    } catch (error) {
      done.push({ error: error.message, status: error.response?.status });
    }
  }
  console.log(JSON.stringify(done));
}

main();
