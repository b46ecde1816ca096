/**
 * The tools that come from Python's package index.
 *
 * @module
 */

import type { DependencyPlugin } from "../../core/plugin/contract.ts";
import { type PythonTool, pythonTool } from "./_python_tool.ts";

/** One row each. */
export const PYTHON_TOOLS: readonly PythonTool[] = [
  { id: "black", summary: "Formatter for Python" },
  { id: "mypy", summary: "Type checker for Python" },
  { id: "pytest", summary: "Test runner for Python" },
  { id: "ruff", summary: "Linter and formatter for Python" },
];

/** The plugins of the rows. */
export const pythonTools: readonly DependencyPlugin[] = PYTHON_TOOLS.map(pythonTool);
