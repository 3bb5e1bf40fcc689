import type { h, VNode } from "preact";

/** htm's own types say what `require` is given. */
declare const htm: {
  bind(create: typeof h): (strings: TemplateStringsArray, ...values: readonly unknown[]) => VNode;
};
export default htm;
