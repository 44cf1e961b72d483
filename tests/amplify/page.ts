// An application as it stands in a page: it knows the manifest's URL, and no endpoint.
import { Amplify } from "aws-amplify";
import { get } from "aws-amplify/api";
import { configureFromManifest, type Configured } from "cloudmap-discovery-amplify";

Amplify.configure({ Auth: { Cognito: { userPoolId: "eu-west-1_abc", userPoolClientId: "client" } } });

let configured: Configured;
const app = {
  async start(url: string): Promise<string> {
    configured = await configureFromManifest(url);
    return configured.source;
  },
  async refresh(): Promise<string> {
    configured = await configured.refresh();
    return configured.source;
  },
  async call(apiName: string, path: string): Promise<unknown> {
    const options = { retryStrategy: { strategy: "no-retry" as const } };
    const { body } = await get({ apiName, path, options }).response;
    return body.json();
  },
  config: () => Amplify.getConfig(),
};
Object.assign(window, { app });
