import Clients
import Replication
import StateMachines

/// A load that adds one with each operation, and records the driver's calls. Times are in
/// nanoseconds.
struct NotedLoad: ClientLoad {
  typealias Application = Counter

  struct Begun: Equatable {
    var client: Int
    var sequence: UInt64
    var due: Int64
    var at: Int64
  }

  struct Ended: Equatable {
    var client: Int
    var outcome: ClientOutcome<UInt64>
    var attempts: Int
    var at: Int64
  }

  struct Dropped: Equatable {
    var due: Int64
    var at: Int64
  }

  struct Probe: Equatable {
    var isRead: Bool
    var due: Int64
  }

  var begun: [Begun] = []
  var probes: [Probe] = []
  var endedProbes: [ClientOutcome<UInt64>] = []
  var ended: [Ended] = []
  var dropped: [Dropped] = []
  var closed: [Int64] = []
  /// The number of reads after the trial, and of those still to do.
  var touched = 0
  var readsToDo = 0

  mutating func begin(
    client: Int, sequence: UInt64, due: Interval, at now: Interval
  ) -> Counter.Command {
    begun.append(
      Begun(client: client, sequence: sequence, due: due.nanoseconds, at: now.nanoseconds))
    guard readsToDo > 0 else { return .add(1) }
    readsToDo -= 1
    return .read
  }

  mutating func end(
    client: Int, outcome: ClientOutcome<UInt64>, attempts: Int, at now: Interval
  ) {
    ended.append(
      Ended(client: client, outcome: outcome, attempts: attempts, at: now.nanoseconds))
  }

  mutating func dropped(due: Interval, at now: Interval) {
    dropped.append(Dropped(due: due.nanoseconds, at: now.nanoseconds))
  }

  mutating func prepareReadBack() -> Int {
    readsToDo = touched
    return touched
  }

  mutating func beginProbe(
    client: Int, sequence: UInt64, isRead: Bool, due: Interval, at now: Interval
  ) -> Counter.Command? {
    probes.append(Probe(isRead: isRead, due: due.nanoseconds))
    return isRead ? .read : .add(1)
  }

  mutating func endProbe(
    client: Int, outcome: ClientOutcome<UInt64>, attempts: Int, at now: Interval
  ) { endedProbes.append(outcome) }

  mutating func close(at end: Interval) { closed.append(end.nanoseconds) }
}

/// The instant at this many milliseconds.
func at(_ milliseconds: Int64) -> Instant { .zero + .milliseconds(milliseconds) }
