// Reads simulations from standard input, as a JSON list, and writes their results: `Allowed`, `ImplicitlyDenied` or
// `ExplicitlyDenied`, or what is wrong with the request.
import { readFileSync } from "node:fs";
import { runSimulation } from "@cloud-copilot/iam-simulate";

const results = [];
for (const simulation of JSON.parse(readFileSync(0, "utf8"))) {
    const found = await runSimulation(simulation, {});
    results.push(found.resultType === "error" ? JSON.stringify(found.errors) : found.overallResult);
}
console.log(JSON.stringify(results));
