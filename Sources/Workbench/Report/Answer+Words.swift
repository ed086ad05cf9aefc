import Results

// The words of the answer that a reader may not know, explained by the columns' own definitions.
extension Answer {
  /// A list of the words that the answer uses, in the order of the page.
  var words: HTML {
    let shown = run.answered.filter { $0.isShown(in: run) }
    func uses(_ metric: Metric) -> Bool { shown.contains { $0.name == metric.name } }
    var items: [(word: String, meaning: String)] = []
    func add(_ word: String, _ meaning: String?) {
      if let meaning { items.append((word, meaning)) }
    }
    let faults = run.groups.flatMap(\.trials).flatMap(\.faults)
    if faults.contains(where: { $0.target.split(separator: " ").contains("leader") }) {
      add(
        "leader",
        "in the names of faults the replica in charge, which orders updates: Raft's leader, "
          + "Multi-Paxos' distinguished proposer, the primary, the head of a chain")
    }
    if uses(.outage), let reads = ColumnMeaning.metric("longest_read_outage_ms") {
      add("outage", "\(reads); the same of writes; here the longer one of the two")
    }
    if uses(.recovery) {
      // The rest says when the cell is empty.
      let meaning = ColumnMeaning.fault("recover_ms")?.split(separator: "; ").first
      add("recovery", meaning.map { "the time \($0); here of each trial's slowest fault" })
    }
    if uses(.availability) { add("availability", availability) }
    if uses(.goodput) { add("goodput", ColumnMeaning.metric("goodput")) }
    if let latency = run.about.setting("slo.latency"), uses(.availability) || uses(.goodput) {
      add(
        "SLO",
        "the promise to clients that an operation is answered within \(latency) (slo.latency)")
    }
    if uses(.readLatency) || uses(.writeLatency) {
      add(
        "p99",
        "the time within which 99 % of the operations were answered, counted from when they were due; "
          + "here the mean of the trials' own p99s, and under Latency that of all trials' operations "
          + "together, so the two differ")
    }
    let rows = items.map { "<dt>\($0.word)<dd>\($0.meaning)" as HTML }
    return rows.isEmpty
      ? ""
      : "<details class=words open><summary>The words</summary><dl>\(rows.joined())</dl></details>"
  }

  /// The half of the definition that is about the run's kind of load.
  private var availability: String? {
    guard let meaning = ColumnMeaning.metric("availability") else { return nil }
    let isClosed = (run.about.setting("workload.arrival") ?? "closed") == "closed"
    let mark = isClosed ? "closed loop: " : "open loop: "
    let half = meaning.split(separator: "; ").first { $0.hasPrefix(mark) }
    return half.map { String($0.dropFirst(mark.count)) } ?? meaning
  }
}
