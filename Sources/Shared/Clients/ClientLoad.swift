import Replication

/// The operations of clients, and the record of their results. A runtime owns one load for all
/// clients of a trial.
public protocol ClientLoad: Sendable {
  associatedtype Application: StateMachine

  /// The state before the first operation, for runtimes that can set it directly.
  var initialState: Application { get }

  /// For runtimes that cannot set the initial state: from now on, until `endLoading`, `begin`
  /// returns the writes that create it.
  /// - Returns: the number of writes.
  mutating func prepareLoading() -> Int
  mutating func endLoading()

  /// The number of writes that `begin` has still to return after `prepareLoading`.
  var writesToLoad: Int { get }

  /// The next command of an idle client.
  /// - Parameters:
  ///   - due: when the operation was due; it is before `now` if the operation had to wait for a
  ///     free client.
  ///   - now: true time since the trial began.
  mutating func begin(client: Int, sequence: UInt64, due: Interval, at now: Interval)
    -> Application.Command

  /// Records the end of the operation that `begin` started for this client.
  mutating func end(
    client: Int, outcome: ClientOutcome<Application.Response>, attempts: Int, at now: Interval)

  /// Records an operation that came due while no client was free to send it before its timeout.
  mutating func dropped(due: Interval, at now: Interval)

  /// Prepares to read back the final state after the trial: from now on `begin` returns reads, one
  /// for each key that was ever touched. After the last read no operation may begin.
  /// - Returns: the number of reads.
  mutating func prepareReadBack() -> Int

  /// The number of reads that `begin` has still to return after `prepareReadBack`.
  var readsToDo: Int { get }

  /// The command of a probe (`ProbeSchedule`); `nil` if this load has no probes.
  mutating func beginProbe(
    client: Int, sequence: UInt64, isRead: Bool, due: Interval, at now: Interval
  ) -> Application.Command?

  /// Records the end of the probe that `beginProbe` started for this client.
  mutating func endProbe(
    client: Int, outcome: ClientOutcome<Application.Response>, attempts: Int, at now: Interval)

  /// Ends the trial's history: operations that are still open stay unknown.
  mutating func close(at end: Interval)
}

extension ClientLoad {
  public var initialState: Application { Application() }
  public mutating func prepareLoading() -> Int { 0 }
  public mutating func endLoading() {}
  public var writesToLoad: Int { 0 }
  public mutating func prepareReadBack() -> Int { 0 }
  public var readsToDo: Int { 0 }
  public mutating func beginProbe(
    client: Int, sequence: UInt64, isRead: Bool, due: Interval, at now: Interval
  ) -> Application.Command? { nil }
  public mutating func endProbe(
    client: Int, outcome: ClientOutcome<Application.Response>, attempts: Int, at now: Interval
  ) {}
}
