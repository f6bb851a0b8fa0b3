// Measures in the Clinical Quality Language, translated and executed on patients' bundles by fqm-execution.
//
// Arguments: measures (CMS124,CMS139), first and last day of the period, NDJSON files of value sets and of bundles.
// Prints one JSON object: seconds of the calculation alone, and each patient's populations by measure.
import { createReadStream, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
// What the libraries say is no answer.
const answer = process.stdout.write.bind(process.stdout);
process.stdout.write = process.stderr.write.bind(process.stderr);
const {
  CqlTranslator,
  LibraryManager,
  ModelManager,
  createLibrarySourceProvider,
  createModelInfoProvider,
  createUcumService,
  stringAsSource,
} = await import("@cqframework/cql/cql-to-elm");
const { Calculator } = createRequire(import.meta.url)("fqm-execution");
const PATIENTS_AT_ONCE = 500;
const POPULATIONS = {
  "initial-population": "Initial Population",
  denominator: "Denominator",
  "denominator-exclusion": "Denominator Exclusion",
  numerator: "Numerator",
};
const EXCLUSIONS = "Exclusions";

const [measures, start, end, valueSetFile, ...bundleFiles] = process.argv.slice(2);
const text = (path) => readFileSync(new URL(path, import.meta.url), "utf8");
const json = (line) => JSON.parse(line);

function translator() {
  const models = {
    FHIR: text("node_modules/cql-exec-fhir/lib/modelInfos/fhir-modelinfo-4.0.1.xml"),
    System: text("system-modelinfo.xml"),
  };
  const manager = new ModelManager();
  manager.modelInfoLoader.registerModelInfoProvider(
    createModelInfoProvider((name) => stringAsSource(models[name])),
    true,
  );
  // The measures' only units are years, which need no conversion.
  const units = createUcumService(
    () => { throw new Error("units are not converted"); },
    () => null,
    () => { throw new Error("units are not multiplied"); },
    () => { throw new Error("units are not divided"); },
  );
  const libraries = new LibraryManager(manager, undefined, undefined, units);
  libraries.librarySourceLoader.registerProvider(
    createLibrarySourceProvider((name) => stringAsSource(text(`${name}.cql`))),
  );
  return (name) => {
    const elm = JSON.parse(CqlTranslator.fromText(text(`${name}.cql`), libraries).toJson());
    const errors = (elm.library.annotation ?? []).filter((one) => one.errorSeverity === "error");
    if (errors.length) throw new Error(`${name}: ${errors.map((one) => one.message).join("; ")}`);
    return elm;
  };
}

function library(name, elm) {
  const data = Buffer.from(JSON.stringify(elm)).toString("base64");
  return {
    resourceType: "Library",
    id: name,
    url: `http://sanctum.example/Library/${name}`,
    version: "1.0.0",
    name,
    status: "active",
    type: { coding: [{ code: "logic-library" }] },
    content: [{ contentType: "application/elm+json", data }],
  };
}

function measureBundle(name, elm, exclusions, valueSets) {
  const population = Object.entries(POPULATIONS).map(([code, expression]) => ({
    code: { coding: [{ system: "http://terminology.hl7.org/CodeSystem/measure-population", code }] },
    criteria: { language: "text/cql-identifier", expression },
  }));
  const measure = {
    resourceType: "Measure",
    id: name,
    url: `http://sanctum.example/Measure/${name}`,
    status: "active",
    library: [`http://sanctum.example/Library/${name}`],
    scoring: { coding: [{ code: "proportion" }] },
    group: [{ population }],
  };
  const resources = [measure, library(name, elm), library(EXCLUSIONS, exclusions), ...valueSets];
  return { resourceType: "Bundle", type: "collection", entry: resources.map((resource) => ({ resource })) };
}

async function* batches(paths) {
  let batch = [];
  for (const path of paths) {
    for await (const line of createInterface({ input: createReadStream(path) })) {
      if (line) batch.push(json(line));
      if (batch.length === PATIENTS_AT_ONCE) {
        yield batch;
        batch = [];
      }
    }
  }
  if (batch.length) yield batch;
}

const options = {
  measurementPeriodStart: start,
  measurementPeriodEnd: end,
  calculateSDEs: false,
  calculateHTML: false,
  calculateClauseCoverage: false,
  verboseCalculationResults: false,
  useElmJsonsCaching: true,
  // Ours reads no profiles either.
  trustMetaProfile: false,
};

const translate = translator();
const valueSets = readFileSync(valueSetFile, "utf8").split("\n").filter(Boolean).map(json);
const exclusions = translate(EXCLUSIONS);
const bundles = measures.split(",").map((name) => [name, measureBundle(name, translate(name), exclusions, valueSets)]);
const found = Object.fromEntries(bundles.map(([name]) => [name, {}]));
let seconds = 0;
for await (const patients of batches(bundleFiles)) {
  const began = performance.now();
  for (const [name, bundle] of bundles) {
    const { results } = await Calculator.calculate(bundle, patients, options);
    for (const { patientId, detailedResults } of results) {
      const populations = detailedResults[0].populationResults;
      found[name][patientId] = Object.fromEntries(
        populations.map(({ populationType, result }) => [populationType.replaceAll("-", "_"), result]),
      );
    }
  }
  seconds += (performance.now() - began) / 1000;
}
answer(JSON.stringify({ seconds, populations: found }));
