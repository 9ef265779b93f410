/** Writes and reads secrets with the client from openapi-generator. Reports what it read. */

import process from "node:process";
import { Configuration, ResponseError, SecretsApi, SystemApi } from "./generated/index.ts";

const { API: basePath = "", TOKEN: apiKey = "" } = process.env;
const configuration = new Configuration({ basePath, apiKey });
const secrets = new SecretsApi(configuration);
const system = new SystemApi(configuration);

const GATE = {
  gate: "open sesame",
  guards: 2,
  shifts: ["day", "night"],
  hours: { from: "8" },
};
const path = "garden/north";

await secrets.postKvPath({ path, requestBody: GATE });
const written = await secrets.postSecretDataPath({
  path,
  kvDataPathRequest: { data: GATE, options: { cas: 0 } },
});
const version: number | undefined = written.data?.version;
const read = (await secrets.getSecretDataPath({ path, version })).data;
await secrets.postSecretMetadataPath({
  path,
  kvMetadataPathRequest: { customMetadata: { owner: "head gardener" }, maxVersions: 5 },
});
const found = (await secrets.getSecretDataPath({ path })).data;
const missing = await secrets.getKvPath({ path: "nothing/here" }).then(
  () => 200,
  (error: unknown) => error instanceof ResponseError ? error.response.status : 0,
);
const made = await system.postAuthTokenCreate({
  authTokenCreateRequest: { ttl: "90m", policies: ["default"] },
});

process.stdout.write(JSON.stringify({
  kv1: (await secrets.getKvPath({ path })).data,
  kv2: read?.data,
  version: read?.metadata.version,
  owner: found?.metadata.customMetadata,
  listed: (await secrets.getKvPath({ path: "garden", list: "true" })).data?.["keys"],
  ttl: made.auth?.leaseDuration,
  missing,
}));
