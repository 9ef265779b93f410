/**
 * Test helper: a recipe of CONTRIBUTING.md, step by step, with the places that its notes name: what the
 * compiler says, which tests fail, and what is to be done by hand.
 */

import { readFileSync } from "node:fs";
import { codeSpans } from "../docs/markdown.ts";

interface Step {
  /** Files in which the compiler finds mistakes when the step is forgotten. */
  readonly compiler: readonly string[];
  /** Tests that fail then: `file: title`. */
  readonly tests: readonly string[];
  /** Files that nobody names. */
  readonly byHand: readonly string[];
  readonly text: string;
}

const GUIDE = new URL("../../CONTRIBUTING.md", import.meta.url);
const NOTE = /_(Compiler|Test|By hand)(?:: (.*?))?\._(?=\s|$)/g;

export class Recipe {
  readonly #steps: readonly Step[];
  readonly #followed = new Set<number>();

  /** The recipe below this heading, with `name` for `<name>`. */
  constructor(heading: string, name: string) {
    const part = readFileSync(GUIDE, "utf8").split(/^(?=##+ )/m)
      .find((text) => text.startsWith(`### ${heading}\n`));
    if (part === undefined) throw new Error(`CONTRIBUTING.md has no recipe "${heading}"`);
    this.#steps = part.replaceAll("<name>", name).split(/^\d+\. /m).slice(1).map(readStep);
  }

  /** Where the compiler finds mistakes when these steps are forgotten; steps count from 1. */
  compiler(...numbers: readonly number[]): readonly string[] {
    return this.#notes(numbers, ({ compiler }) => compiler);
  }

  tests(...numbers: readonly number[]): readonly string[] {
    return this.#notes(numbers, ({ tests }) => tests);
  }

  byHand(...numbers: readonly number[]): readonly string[] {
    return this.#notes(numbers, ({ byHand }) => byHand);
  }

  /** Steps with a note that no test has compared yet. */
  unfollowed(): readonly string[] {
    return this.#steps.filter(({ compiler, tests, byHand }, index) =>
      [...compiler, ...tests, ...byHand].length > 0 && !this.#followed.has(index + 1)
    ).map(({ text }) => text);
  }

  #notes(
    numbers: readonly number[],
    of: (step: Step) => readonly string[],
  ): readonly string[] {
    const places = numbers.flatMap((number) => {
      this.#followed.add(number);
      return of(this.#steps[number - 1]!);
    });
    return [...new Set(places)].toSorted();
  }
}

function readStep(lines: string): Step {
  const text = lines.replaceAll(/\s+/g, " ").trim();
  const notes = [...text.matchAll(NOTE)].map(([, kind, about = ""]) => ({ kind, about }));
  const files = (wanted: string) =>
    notes.filter(({ kind }) => kind === wanted).flatMap(({ about }) => codeSpans(about));
  const tests = notes.filter(({ kind }) => kind === "Test").map(({ about }) =>
    `${codeSpans(about)[0]}: ${/"([^"]*)"$/.exec(about)?.[1]}`
  );
  return { compiler: files("Compiler"), tests, byHand: files("By hand"), text };
}
