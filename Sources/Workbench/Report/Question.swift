import Measurement

/// What an experiment asks, as far as its file says: the measures that its expectations are about,
/// the most frequent first. A condition that compares rows counts twice, because one that bounds
/// all rows may only say that the experiment was sound.
struct Question {
  /// Without expectations the measures that a reader would ask for first.
  let metrics: [Metric]
  /// Whether it asks after which faults goodput stays away.
  let asksMetastability: Bool

  /// The words of conditions and their measures.
  private static let words: [(word: String, metric: Metric)] = [
    ("throughput", .throughput), ("goodput", .goodput), ("availability", .availability),
    ("outage_ms", .outage), ("read_outage_ms", .outage), ("write_outage_ms", .outage),
    ("recover_ms", .recovery), ("read_p50", .readMedian), ("write_p50", .writeMedian),
    ("read_p99", .readLatency), ("write_p99", .writeLatency), ("messages_per_op", .messages),
    ("bytes_per_op", .bytes), ("fsyncs_per_op", .fsyncs),
  ]

  init(_ run: RunData) {
    let conditions = run.about.expected.map(Question.identifiers)
    asksMetastability = conditions.contains { $0.contains("metastable_faults") }
    var found: [(metric: Metric, count: Int)] = []
    for identifiers in conditions {
      for (word, metric) in Question.words {
        let times = identifiers.count { $0 == word || $0 == metric.name }
        if let index = found.firstIndex(where: { $0.metric.name == metric.name }) {
          found[index].count += times
        } else if times > 0 {
          found.append((metric, times))
        }
      }
    }
    var asked = found.enumerated()
      .sorted { ($1.element.count, $0.offset) < ($0.element.count, $1.offset) }
      .map(\.element.metric)
    // Faults are injected to see how long a service is down, and when it is back. An open loop
    // offers all protocols the same load, so their latencies tell more than their throughputs.
    let isOpen = (run.about.setting("workload.arrival") ?? "closed") != "closed"
    let usual: [Metric] = isOpen ? [.readLatency, .writeLatency] : [.throughput]
    let first: [Metric] =
      run.hasFaults && !run.isSwept ? [.outage, .recovery] : asked.isEmpty ? usual : []
    asked.removeAll { metric in first.contains { $0.name == metric.name } }
    metrics = (first + asked).filter { $0.isShown(in: run) }
  }

  /// The words of a condition, without the swept values in brackets.
  private static func identifiers(_ condition: String) -> [String] {
    let bare = condition.replacing(#/\[[^=\]]+=.*?\]/#, with: " ")
    return bare.split { !($0.isLetter || $0.isNumber || $0 == "_") }.map(String.init)
  }
}

extension RunData {
  /// The metrics that the answer compares: those of every page, and those that the experiment asks
  /// for.
  var answered: [Metric] {
    let asked = Question(self).metrics
    return Metric.answered
      + asked.filter { metric in !Metric.answered.contains { $0.name == metric.name } }
  }
}
