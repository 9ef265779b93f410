/** Validates the part of JSON Schema that fields use. Throws TypeError for any other keyword. */

export interface JsonSchema {
  readonly type?: string;
  readonly anyOf?: readonly JsonSchema[];
  readonly items?: JsonSchema;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean;
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly written?: JsonSchema;
}

const KEYWORDS: Readonly<
  Record<string, (schema: JsonSchema, value: unknown) => boolean>
> = {
  type: ({ type }, value) =>
    type === kindOf(value) || (type === "integer" && Number.isInteger(value)),
  anyOf: ({ anyOf = [] }, value) => anyOf.some((schema) => accepts(schema, value)),
  items: ({ items = {} }, value) =>
    !Array.isArray(value) || value.every((item) => accepts(items, item)),
  properties: ({ properties = {} }, value) =>
    Object.entries(properties).every(([name, schema]) =>
      !isObject(value) || !Object.hasOwn(value, name) || accepts(schema, value[name])
    ),
  required: ({ required = [] }, value) =>
    !isObject(value) || required.every((name) => Object.hasOwn(value, name)),
  additionalProperties: ({ additionalProperties = true, properties = {} }, value) =>
    additionalProperties || !isObject(value) ||
    Object.keys(value).every((name) => Object.hasOwn(properties, name)),
  enum: ({ enum: choices = [] }, value) => choices.includes(value),
  pattern: ({ pattern = "" }, value) =>
    typeof value !== "string" || new RegExp(pattern, "u").test(value),
  maxLength: ({ maxLength = 0 }, value) => typeof value !== "string" || value.length <= maxLength,
  minimum: ({ minimum = 0 }, value) => typeof value !== "number" || value >= minimum,
  maximum: ({ maximum = 0 }, value) => typeof value !== "number" || value <= maximum,
  description: () => true,
  format: () => true,
  // Only says how to write a value; the rest of the schema says what is read.
  written: () => true,
  $schema: () => true,
};

export function accepts(schema: JsonSchema, value: unknown): boolean {
  return Object.keys(schema).every((keyword) => {
    const check = KEYWORDS[keyword];
    if (check === undefined) throw new TypeError(`unknown keyword ${keyword}`);
    return check(schema, value);
  });
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return kindOf(value) === "object";
}

function kindOf(value: unknown): string {
  return value === null ? "null" : Array.isArray(value) ? "array" : typeof value;
}
