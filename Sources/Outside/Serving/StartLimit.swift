import Replication

/// The time until which a service waits for its nodes. It moves on whenever a node reports another
/// step of its recovery, because a long log takes as long as it takes.
struct StartLimit {
  private let patience: Interval
  private(set) var time: Instant
  private var recoveries: [String] = []

  init(_ patience: Interval, from now: Instant) {
    self.patience = patience
    time = now + patience
  }

  /// - Parameter recoveries: the latest progress message of each node that is still recovering.
  mutating func note(_ recoveries: [String], at now: Instant) {
    if recoveries != self.recoveries { time = now + patience }
    self.recoveries = recoveries
  }
}
