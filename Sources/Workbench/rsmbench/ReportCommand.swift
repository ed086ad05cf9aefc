import Report

extension Command {
  static let report = Command(
    name: "report", synopsis: "report DIR [DIR...] [flags]",
    meaning:
      "Draws report.html again from a run's CSV files, or a page that compares several runs.",
    notes: """
      DIR is what 'rsmbench run' has written, such as results/quickstart-1; 'run' draws its page at its end.
      The page is one file that needs no network: words, tables and charts, each number of which is a cell of a
      CSV file. The same files give the same page, byte for byte. It compares the run with the one of the same
      name beside it that was started last before it. With several DIRs the rows that they have in
      common are divided by the baseline's. A report that is there is replaced as a whole; other files are not.
      """,
    flags: {
      [
        Flag(
          name: "--out", value: "FILE",
          meaning:
            "where the page goes (default report.html in the run's directory; of several runs "
            + "comparison.html here)"),
        Flag(
          name: "--baseline", value: "DIR",
          meaning: "the run that the others are held against (default the first)"),
      ]
    },
    execute: { arguments in
      let directories = arguments.positional
      guard let first = directories.first, !directories.contains("") else {
        throw UsageError("which run? Give its directory, such as results/quickstart-1")
      }
      guard arguments["--out"] != "" else {
        throw UsageError("--out: found \"\", allowed the name of a file")
      }
      if let index = directories.indices.first(where: {
        directories[..<$0].contains(directories[$0])
      }) {
        throw UsageError("\(directories[index]) is given twice")
      }
      let baseline = arguments["--baseline"] ?? first
      guard let place = directories.firstIndex(of: baseline) else {
        throw UsageError(
          "--baseline: found \"\(baseline)\", allowed one of the runs: "
            + directories.joined(separator: ", ") + suggestion(for: baseline, among: directories))
      }
      guard directories.count > 1 else {
        try Console.print(Report.write(of: first, to: arguments["--out"]))
        return .done
      }
      let file = arguments["--out"] ?? "comparison.html"
      try Report.write(comparing: directories, baseline: place, to: file)
      try Console.print(file)
      return .done
    })
}
