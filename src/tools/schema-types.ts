/**
 * JSON Schema as a type, and the type of the values that a schema describes. Covers what tools use:
 * objects, arrays, enums and the plain types; anything else is `unknown`. Types only.
 */
export type JsonSchema = Readonly<Record<string, unknown>>;

export type ArgumentsOf<Schema> = Schema extends { readonly enum: readonly (infer Value)[] }
  ? Value
  : Schema extends { readonly type: "string" }
    ? string
    : Schema extends { readonly type: "number" | "integer" }
      ? number
      : Schema extends { readonly type: "boolean" }
        ? boolean
        : Schema extends { readonly type: "array"; readonly items: infer Items }
          ? readonly ArgumentsOf<Items>[]
          : Schema extends { readonly type: "object"; readonly properties: infer Properties }
            ? ObjectOf<Properties, RequiredOf<Schema>>
            : unknown;

type RequiredOf<Schema> = Schema extends { readonly required: readonly (infer Name)[] }
  ? Name
  : never;

type ObjectOf<Properties, Required> = {
  readonly [Name in keyof Properties as Name extends Required ? Name : never]: ArgumentsOf<
    Properties[Name]
  >;
} & {
  readonly [Name in keyof Properties as Name extends Required ? never : Name]?: ArgumentsOf<
    Properties[Name]
  >;
};
