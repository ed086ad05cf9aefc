import Advice
import Results

extension Command {
  static let advise = Command(
    name: "advise", synopsis: "advise FILE [--out DIR] [--format table|json] [--quiet]",
    meaning:
      "Runs what is needed to say which protocol fits, and prints the ranking with its evidence.",
    notes: """
      FILE says what is needed, in JSON5; every field may be absent:

        {
          roundTrip: "1ms",              // or places: { latency: { "eu-us": "40ms" }, clients: ["eu"] }, one way
          reads: 0.95, rate: "2000/s", valueSize: "1KiB",
          failures: 1,                   // 1 to 3 that are survived
          consistency: "linearizable",
          slo: { latency: "50ms", percentile: 99, outage: "1s" },   // or reads: "50ms", writes: "90ms"
          prefer: "latency",             // or "availability" or "cost": what decides among those that fit
          trials: 5,
        }

      With places the replicas are tried in several orders, unless places has a list replicas. Experiments in
      simulation measure the load as asked, the death of the node in charge, and what might change the ranking:
      four times the load, the other mix, larger values. Each leaves its CSV files and its page below DIR. Timers
      are made to fit the longest round trip.

      exit codes: 0 something fits, 1 nothing does, 2 bad usage or file, 130 interrupted
      """,
    flags: {
      [
        Flag(
          name: "--out", value: "DIR",
          meaning:
            "where the evidence goes (default results/advice/NAME; what is there is replaced)"),
        Flag(name: "--format", value: "table|json", meaning: "how to print (default table)"),
        Flag(name: "--quiet", meaning: "no progress and no warnings on standard error"),
      ]
    },
    execute: { arguments in
      guard let file = arguments.positional.first, !file.isEmpty else {
        throw UsageError("what is needed? Give a file; see 'rsmbench advise --help'")
      }
      guard arguments.positional.count == 1 else {
        throw UsageError(
          "one file at a time: found \"\(arguments.positional[1])\" behind \"\(file)\"")
      }
      let format = try arguments.choice("--format", of: ["table", "json"]) ?? "table"
      let request = try AdviceRequest.read(file: file)
      let evidence = arguments["--out"] ?? "results/advice/\(request.name)"
      guard !evidence.isEmpty else { throw UsageError("--out: found \"\", allowed a directory") }
      let experiments = AdviceExperiment.all(request)
      // All experiments are checked before the first one runs.
      let runs = try experiments.map {
        try RunRequest(
          $0.plan(file: file), file: file, output: evidence, isQuiet: arguments.has("--quiet"))
      }
      var results: [(AdviceExperiment.Kind, RunOutline, [FinishedTrial])] = []
      for (experiment, run) in zip(experiments, runs) {
        let result = try run.perform()
        guard result.isComplete else { return .interrupted }
        results.append((experiment.kind, result.outline, result.trials))
      }
      let ranking = AdviceRanking(request, AdviceRanking.candidates(request, results))
      let text = AdviceText(ranking)
      try Console.print(
        format == "json" ? text.json(evidence: evidence) : text.text(evidence: evidence),
        terminator: "")
      return ranking.rows.contains { $0.misses.isEmpty } ? .done : .violated
    })
}
