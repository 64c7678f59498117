// What ESLint holds the pages' JavaScript to; `make check` runs it.

import js from "@eslint/js";
import globals from "globals";

export default [
  { ignores: [".venv*/", "node_modules/", "build/", "runs/"] },
  js.configs.recommended,
  {
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      "array-callback-return": "error",
      "consistent-return": "off", // `return void` in a guard is this code's habit
      curly: ["error", "multi-line"],
      eqeqeq: ["error", "always", { null: "ignore" }], // `== null` means undefined as well
      "no-eval": "error",
      "no-implied-eval": "error",
      "no-new-func": "error",
      "no-script-url": "error",
      "no-shadow": "error",
      "no-template-curly-in-string": "error",
      "no-throw-literal": "error",
      "no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
      "no-var": "error",
      "object-shorthand": "error",
      "prefer-const": "error",
      // Labels and captions are other people's text: nothing here makes HTML of a string.
      "no-restricted-properties": [
        "error",
        ...["innerHTML", "outerHTML", "insertAdjacentHTML"].map((property) => ({
          property,
          message: "Make elements with `make`; strings of other people stay text.",
        })),
      ],
    },
  },
  {
    files: ["demo/**/*.js"],
    languageOptions: { globals: globals.browser },
  },
  {
    // The tests stand in for a browser: they set its globals, and use them.
    files: ["tests/javascript/**/*.js"],
    languageOptions: { globals: { ...globals.node, ...globals.browser } },
  },
];
