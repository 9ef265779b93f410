import { apiContract } from "../contract/api.contract.ts";
import { startObject } from "./object_api.ts";

apiContract("the vault's Durable Object", (seal) => Promise.resolve(startObject(seal)));
