import Configuration
import ProtocolList
import Replication

// The configured timeouts that outages follow.
extension Answer {
  /// An outage follows a timeout if it is at least half of its shortest value and at most twice its
  /// longest.
  private static let tolerance = 2.0

  /// Says which outages follow a configured timeout, because another timeout would give another
  /// outage; empty where none does, and where the timeouts themselves may be swept.
  var timeouts: HTML {
    let isSwept = run.sweepPaths.contains {
      $0.hasPrefix("options") || $0.hasPrefix("protocols") || $0.hasPrefix("network")
    }
    guard run.hasFaults, !isSwept else { return "" }
    var names: [FailoverTimeout: [String]] = [:]
    var order: [FailoverTimeout] = []
    for name in run.protocols {
      guard let timeout = run.about.failoverTimeout(of: name), follows(name, timeout) else {
        continue
      }
      if names[timeout] == nil { order.append(timeout) }
      names[timeout, default: []].append(name)
    }
    guard !order.isEmpty else { return "" }
    let parts = order.map { timeout -> HTML in
      "<code>\(timeout.text)</code> with \(Phrase.list(names[timeout] ?? []))"
    }
    return """
      <p>These outages follow the configured timeouts, after which a silent node is taken for dead: \
      \(parts.joined("; ")). Other timeouts give other outages.</p>
      """
  }

  private func follows(_ name: String, _ timeout: FailoverTimeout) -> Bool {
    let outages = run.groups.filter { $0.name == name && $0.competes }
      .compactMap { $0.interval(Metric.outage.name)?.mean }
    return !outages.isEmpty
      && outages.allSatisfy {
        $0 * Answer.tolerance >= timeout.shortestMs && $0 <= timeout.longestMs * Answer.tolerance
      }
  }
}

/// The option of a row after which its nodes replace a silent one.
struct FailoverTimeout: Hashable {
  /// `electionTimeout 150ms to 300ms`.
  var text: String
  var shortestMs: Double
  var longestMs: Double
}

extension RunFacts {
  /// `nil` for a row whose protocol has no such option, or whose value the experiment does not say.
  func failoverTimeout(of row: String) -> FailoverTimeout? {
    let own = rows.first { ($0["name"]?.plain ?? $0.plain) == row }
    let kind = own?["protocol"]?.plain ?? row
    let declared = ProtocolKind(rawValue: kind)?.options.first(where: \.awaitsSignOfLife)
    guard let option = declared?.name else { return nil }
    let values =
      switch own?["options"]?[option] ?? options(of: kind)?[option] {
      case .array(let ends): ends.compactMap(\.plain)
      case let value: [value?.plain].compactMap { $0 }
      }
    let milliseconds = values.compactMap { text -> Double? in
      guard case .exact(let count)? = Configuration.Quantity(text)?.count(in: Unit.durations) else {
        return nil
      }
      return Double(count) / 1e6
    }
    guard let shortest = milliseconds.min(), let longest = milliseconds.max() else { return nil }
    return FailoverTimeout(
      text: "\(option) \(values.joined(separator: " to "))", shortestMs: shortest,
      longestMs: longest)
  }
}
