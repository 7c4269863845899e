// What is built must run in the oldest browser of the halls: Chromium 109 on
// Windows 7. It knows ES2022, and CSS as of January 2023.
import { readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { type Selector, transform } from "lightningcss";
import { parseAst } from "rolldown/parseAst";
import { describe, expect, test } from "vitest";

const dist = resolve(import.meta.dirname, "../dist");
const chrome109 = 109 << 16;

function built(ending: string): { name: string; code: string }[] {
  return readdirSync(resolve(dist, "assets"))
    .filter((name) => name.endsWith(ending))
    .map((name) => ({ name, code: readFileSync(resolve(dist, "assets", name), "utf8") }));
}

interface Node {
  type: string;
  start: number;
  [key: string]: unknown;
}

/** The node types of ES2022, whole: what is not among them is newer, or no JavaScript. */
const es2022 = new Set(
  `Program ExpressionStatement BlockStatement StaticBlock EmptyStatement DebuggerStatement WithStatement
  ReturnStatement LabeledStatement BreakStatement ContinueStatement IfStatement SwitchStatement SwitchCase
  ThrowStatement TryStatement CatchClause WhileStatement DoWhileStatement ForStatement ForInStatement
  ForOfStatement FunctionDeclaration VariableDeclaration VariableDeclarator ThisExpression Super
  ArrayExpression ObjectExpression Property FunctionExpression ArrowFunctionExpression YieldExpression
  AwaitExpression UnaryExpression UpdateExpression BinaryExpression AssignmentExpression LogicalExpression
  MemberExpression ChainExpression ConditionalExpression CallExpression NewExpression SequenceExpression
  ImportExpression ParenthesizedExpression TemplateLiteral TaggedTemplateExpression TemplateElement
  SpreadElement RestElement ObjectPattern ArrayPattern AssignmentPattern ClassBody MethodDefinition
  PropertyDefinition PrivateIdentifier ClassDeclaration ClassExpression MetaProperty Identifier Literal
  ImportDeclaration ImportSpecifier ImportDefaultSpecifier ImportNamespaceSpecifier
  ExportNamedDeclaration ExportSpecifier ExportDefaultDeclaration ExportAllDeclaration`.split(/\s+/),
);

/** Static members that came after Chromium 109. */
const newStatics = new Set(
  `Object.groupBy Map.groupBy Array.fromAsync Promise.withResolvers Promise.try AbortSignal.any URL.canParse
  URL.parse RegExp.escape Error.isError Math.sumPrecise Math.f16round Iterator.from Iterator.concat
  Uint8Array.fromBase64 Uint8Array.fromHex Intl.DurationFormat Atomics.pause ReadableStream.from
  document.startViewTransition document.caretPositionFromPoint scheduler.yield
  Document.parseHTMLUnsafe`.split(/\s+/),
);
/** Methods whose names tell that they came after Chromium 109, whatever they are called on. */
const newMethods = new Set(
  `toSorted toReversed toSpliced isWellFormed toWellFormed symmetricDifference isSubsetOf isSupersetOf
  isDisjointFrom showPopover hidePopover togglePopover startViewTransition setHTMLUnsafe getHTML moveBefore
  toBase64 toHex setFromBase64 getOrInsert getOrInsertComputed transferToFixedLength getSetCookie
  requestClose`.split(/\s+/),
);
const newGlobals = new Set(
  `Iterator DisposableStack AsyncDisposableStack SuppressedError Float16Array ToggleEvent
  ViewTransition CloseWatcher PressureObserver`.split(/\s+/),
);

function children(node: Node): Node[] {
  return Object.values(node)
    .flat()
    .filter((child): child is Node => typeof (child as Node | null)?.type === "string");
}

/** The methods that a piece of code defines itself, and may call by whatever name. */
function ownMethods(node: Node, own = new Set<string>()): Set<string> {
  if (node.type === "MethodDefinition" || node.method) own.add(String((node.key as Node).name));
  for (const child of children(node)) ownMethods(child, own);
  return own;
}

/** What a piece of JavaScript holds that Chromium 109 does not know, each with its place. */
function newerThanChromium109(code: string): string[] {
  const found: string[] = [];
  const program = parseAst(code) as unknown as Node;
  const own = ownMethods(program);
  const say = (node: Node, what: string) =>
    found.push(`${what} in …${code.slice(Math.max(0, node.start - 40), node.start + 60)}…`);
  const visit = (node: Node, parents: Node[]) => {
    if (!es2022.has(node.type)) say(node, node.type);
    newSyntax(node, say);
    newApi(node, parents, code, own, say);
    for (const child of children(node)) visit(child, [node, ...parents]);
  };
  visit(program, []);
  return found;
}

type Say = (node: Node, what: string) => void;

/** Newer forms of nodes that ES2022 has. */
function newSyntax(node: Node, say: Say): void {
  const some = (list: unknown) => Array.isArray(list) && list.length > 0;
  if (some(node.decorators)) say(node, "a decorator");
  if (some(node.attributes)) say(node, "import attributes");
  if (node.type === "ImportExpression" && node.options) say(node, "import attributes");
  if (node.phase) say(node, `import ${node.phase}`);
  if (node.type === "VariableDeclaration" && String(node.kind).includes("using")) say(node, "using");
  if (node.type !== "Literal" || !node.regex) return;
  const { pattern, flags } = node.regex as { pattern: string; flags: string };
  if (flags.includes("v")) say(node, "the flag v of a pattern");
  if (/\(\?(?=[ims-])[ims]*-?[ims]*:/.test(pattern)) say(node, "flags inside a pattern");
  const names = [...pattern.matchAll(/\(\?<([^=!>][^>]*)>/g)].map((m) => m[1]);
  if (new Set(names).size < names.length) say(node, "two groups of one name");
}

/** Whether the code looks first if there is such a thing, as in `"x" in y && y.x()`. */
function asksFirst(name: string, node: Node, parents: Node[], code: string): boolean {
  return parents.some((p) => {
    const question = (p.type === "LogicalExpression" ? p.left : p.test) as
      | (Node & { end: number })
      | undefined;
    if (!question) return false;
    const inQuestion = question.start <= node.start && node.start < question.end;
    return inQuestion
      ? parents[0]?.type !== "CallExpression"
      : code.slice(question.start, question.end).includes(name);
  });
}

/** Newer parts of the platform, unless the code looks first whether they are there. */
function newApi(node: Node, parents: Node[], code: string, own: Set<string>, say: Say): void {
  const [parent, grandparent] = parents;
  if (node.type === "Identifier" && newGlobals.has(String(node.name))) {
    const isName = ["MemberExpression", "Property", "MethodDefinition"].includes(parent?.type ?? "");
    const asked = parent?.type === "UnaryExpression" && parent.operator === "typeof";
    if (!isName && !asked) say(node, String(node.name));
  }
  if (node.type !== "MemberExpression" || node.computed) return;
  const { object, property } = node as unknown as { object: Node; property: { name: string } };
  const called = parent?.type === "CallExpression" && parent.callee === node;
  if ((called && parent.optional) || grandparent?.type === "ChainExpression") return;
  if (asksFirst(property.name, node, parents, code)) return;
  if (newStatics.has(`${object.name}.${property.name}`)) say(node, `${object.name}.${property.name}`);
  else if (called && newMethods.has(property.name) && !own.has(property.name))
    say(node, `.${property.name}()`);
}

/** Pseudo-classes, at-rules and so on that make Chromium 109 drop a whole rule. */
const newSelectors = new Set(
  `popover-open open user-valid user-invalid state has-slotted active-view-transition target-current
  details-content picker-icon checkmark scroll-marker`.split(/\s+/),
);
const newAtRules = ["starting-style", "scope", "view-transition", "nesting", "position-try", "function"];
const newValues =
  /\b(color-mix|light-dark|contrast-color|anchor|anchor-size|linear|oklch|oklab|lab|lch|color|if|sibling-index|sibling-count|calc-size|random|sign|abs|round|mod|rem|pow|sqrt|hypot|log|exp)\(|\bsubgrid\b/;

/** What a style sheet holds that Chromium 109 does not know. */
function newerStyles(name: string, css: string): string[] {
  const found: string[] = [];
  transform({
    filename: name,
    code: Buffer.from(css),
    visitor: {
      Rule(rule) {
        if (newAtRules.includes(rule.type)) found.push(`@${rule.type}`);
        if (rule.type === "style" && rule.value.rules?.length) found.push(`nested rules`);
      },
      Selector(selector: Selector) {
        for (const part of selector) {
          if (part.type === "nesting") found.push("&");
          if (
            (part.type === "pseudo-class" || part.type === "pseudo-element") &&
            newSelectors.has(part.kind)
          ) {
            found.push(`:${part.kind}`);
          }
        }
      },
    },
  });
  for (const declaration of css.match(/[\w-]+:[^;{}]*/g) ?? []) {
    if (newValues.test(declaration)) found.push(declaration);
  }
  return found;
}

describe("Chromium 109", () => {
  const scripts = built(".js");
  const styles = built(".css");

  test("there is something to look at", () => {
    expect(scripts.length).toBeGreaterThan(10);
    expect(styles.length).toBeGreaterThan(3);
  });

  test.each(scripts)("knows all of $name", ({ code }) => {
    expect(newerThanChromium109(code)).toEqual([]);
  });

  test.each(styles)("knows the styles of $name", ({ name, code }) => {
    expect(newerStyles(name, code)).toEqual([]);
    // The build has lowered what can be lowered: doing it once more changes nothing.
    const again = (targets?: { chrome: number }) =>
      transform({ filename: name, code: Buffer.from(code), minify: true, targets })
        .code.toString()
        .replace(/--lightningcss-(light|dark):[^;}]*;/g, "");
    expect(again({ chrome: chrome109 }) === again(), "the styles are as Chromium 109 takes them").toBe(true);
  });

  test("these tests see what is newer", () => {
    const newer = {
      "using x = f()": "using",
      "a = /[\\p{L}--a]/v": "flag v",
      "a = /(?i:x)/": "flags inside",
      "a = /(?<y>a)|(?<y>b)/": "two groups",
      'import x from "./x.json" with { type: "json" }': "import attributes",
      "@d class A {}": "decorator",
      "[2, 1].toSorted()": "toSorted",
      "Object.groupBy([], f)": "Object.groupBy",
      "const { promise } = Promise.withResolvers()": "Promise.withResolvers",
      "new Iterator()": "Iterator",
    };
    for (const [code, what] of Object.entries(newer)) {
      expect(newerThanChromium109(code).join(), code).toContain(what);
    }
    const old = [
      "class A { static { this.#a() } static #a() {} }",
      "a?.b ?? [1].at(-1); [1].findLast(f); Object.hasOwn(a, 'b'); a ||= /(?<=x)(?:y)(?<z>w)/d",
      "document.startViewTransition?.(f)",
      "const go = AbortSignal.any ? 1 : 2",
      "typeof Iterator === 'function'",
    ];
    for (const code of old) expect(newerThanChromium109(code), code).toEqual([]);
    for (const css of [
      ".a { .b { color: red } }",
      ".a { color: color-mix(in srgb, red, blue) }",
      ".a:popover-open { color: red }",
      "@starting-style { .a { opacity: 0 } }",
      ".a { grid-template-rows: subgrid }",
    ]) {
      expect(newerStyles("a.css", css), css).not.toEqual([]);
    }
    expect(
      newerStyles("a.css", ".a:has(.b), .c:is(.d) { inset: 0; height: 100dvh; color: var(--a) }"),
    ).toEqual([]);
  });
});
