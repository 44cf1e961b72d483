// What the types of the helper allow, and what they do not.
import { Amplify } from "aws-amplify";
import { get } from "aws-amplify/api";
import { configureFromManifest, type Configured, type ManifestOptions } from "cloudmap-discovery-amplify";

Amplify.configure({ API: { REST: {} } });

const configured: Configured = await configureFromManifest("https://discovery.example.com/manifest/Production");
const again: Configured = await configured.refresh();
switch (again.source) {
  case "network":
  case "not-modified":
    break;
  case "storage":
    console.warn(again.why);
    break;
  default:
    again.source satisfies never;
}

const options: ManifestOptions = {
  storage: sessionStorage,
  timeoutMs: 1000,
  libraryOptions: { ssr: true, API: { REST: { headers: async ({ apiName }) => ({ "x-of": apiName }) } } },
};
await configureFromManifest(new URL("/manifest/Production", location.href), options);
await configureFromManifest("/manifest/Production", { storage: null });
await configureFromManifest("/manifest/Production", { storage: { getItem: () => null, setItem: () => {} } });
await get({ apiName: "users", path: "/users" }).response;

// @ts-expect-error -- a URL is needed
await configureFromManifest();
// @ts-expect-error -- there is no such option
await configureFromManifest("/manifest/Production", { timeout: 1000 });
// @ts-expect-error -- milliseconds are a number
await configureFromManifest("/manifest/Production", { timeoutMs: "1 s" });
// @ts-expect-error -- storage that is awaited would be no storage
await configureFromManifest("/manifest/Production", { storage: { getItem: async () => null, setItem: () => {} } });
// @ts-expect-error -- these are Amplify's options
await configureFromManifest("/manifest/Production", { libraryOptions: { ssr: "yes" } });
// @ts-expect-error -- what was found out is not changed
configured.source = "network";
