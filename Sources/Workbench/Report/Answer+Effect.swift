import Measurement

// The effect of the swept value on each protocol in words.
extension Answer {
  /// Protocols whose values at both ends differ by no more than this share are told together.
  private static let alike = 0.05

  /// `from 3 to 9 raft 106,240/s to 99,406/s (within 5 % of it: multi-paxos) ...`; `nil` if the
  /// swept values have no order.
  func effect(_ metric: Metric, _ points: [Int]) -> HTML? {
    guard let first = points.first, let last = points.last, first != last else { return nil }
    let values = points.map { run.points[$0][axis] }
    guard points.count == 2 || values.allSatisfy({ SweepAxis.size($0) != nil }) else { return nil }
    var clusters: [[(name: String, ends: [Group])]] = []
    for name in run.protocols {
      let ends = [first, last].compactMap { point in
        run.groups.first { $0.point == point && $0.name == name && $0.isRanked }
      }.filter { $0.interval(metric.name) != nil }
      guard ends.count == 2 else { continue }
      let place = clusters.firstIndex { cluster in
        cluster[0].ends[0].competes == ends[0].competes
          && zip(cluster[0].ends, ends).allSatisfy { isAlike($0, $1, metric) }
      }
      if let place {
        clusters[place].append((name, ends))
      } else {
        clusters.append([(name, ends)])
      }
    }
    guard !clusters.isEmpty else { return nil }
    func words(_ competes: Bool) -> [HTML] {
      clusters.filter { $0[0].ends[0].competes == competes }.map { cluster in
        let others: HTML =
          cluster.count > 1
          ? " (within 5 % of it: \(Phrase.list(cluster.dropFirst().map(\.name))))" : ""
        let ends = cluster[0].ends.map { $0.meanPhrase(metric) }
        return "<strong>\(cluster[0].name)</strong> \(ends[0]) to \(ends[1])\(others)"
      }
    }
    let without: HTML =
      words(false).isEmpty
      ? "" : ", for comparison without replication \(words(false).joined(", "))"
    return "from \(values[0]) to \(values[values.count - 1]) \(words(true).joined(", "))\(without)"
  }

  private func isAlike(_ a: Group, _ b: Group, _ metric: Metric) -> Bool {
    guard let a = a.interval(metric.name)?.mean, let b = b.interval(metric.name)?.mean else {
      return false
    }
    return (a - b).magnitude <= Answer.alike * max(a.magnitude, b.magnitude)
  }

  // MARK: Load

  /// A load counts as carried if so large a share of the operations is answered within the SLO.
  private static let carried = 0.99

  /// How much load each protocol carries, if an open loop's load is swept: up to which value it
  /// answers nearly all operations within the SLO.
  var mostLoad: HTML? {
    guard run.sweepPaths[axis] == "workload.arrival.open", run.sweepPaths.count == 1,
      let slo = run.about.setting("slo.latency")
    else { return nil }
    let points = grown(Array(run.points.indices))
    let rows = run.protocols.enumerated().compactMap { index, name -> (name: String, last: Int)? in
      guard run.competes(name) else { return nil }
      let last = points.prefix { point in
        let group = run.groups.first { $0.point == point && $0.protocolIndex == index }
        guard let group, group.competes else { return false }
        return (group.interval(Metric.availability.name)?.mean ?? 0) >= Answer.carried
      }.count
      return (name, last)
    }.sorted { $0.last > $1.last }
    guard !rows.isEmpty else { return nil }
    let parts = rows.map { row -> HTML in
      let load: HTML =
        row.last == 0
        ? "not even \(run.points[points[0]][axis])" : "\(run.points[points[row.last - 1]][axis])"
      let isAll = row.last == points.count
      return "<strong>\(row.name)</strong> \(load)\(isAll ? ", the most that was tried" : "")"
    }
    return """
      <span\(HTML.source(run.summary([Metric.availability.name])))><b>Most load</b> at which 99 % or \
      more are answered within \(slo): \(parts.joined("; ")).</span>
      """
  }
}
