/** The part of Standard Schema v1 (standardschema.dev) that is used here: zod, valibot, arktype and others have it. */
export interface StandardSchema {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult | Promise<SchemaResult>;
  };
}

type SchemaResult =
  | { readonly value: unknown; readonly issues?: undefined }
  | {
      readonly issues: readonly {
        readonly message: string;
        readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
      }[];
    };

export type Validation = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly reason: string };

/** Checks an input. A schema may also convert it. Validation has to be synchronous, since operations run in log order. */
export function validate(schema: StandardSchema, input: unknown): Validation {
  const result = schema["~standard"].validate(input);
  if ("then" in result) {
    result.then(undefined, () => {});
    return { ok: false, reason: "the schema of this input validates asynchronously, which a replicated operation cannot wait for" };
  }
  if (result.issues === undefined) return { ok: true, value: result.value };
  return { ok: false, reason: result.issues.map(issueText).join("; ") || "the schema refuses it" };
}

function issueText(issue: {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}): string {
  const path = (issue.path ?? []).map((step) => String(typeof step === "object" ? step.key : step)).join(".");
  return path === "" ? issue.message : `${path}: ${issue.message}`;
}
