import Replication

/// What clients ask, and the record of how it went. A runtime owns one load for all clients of a
/// trial.
public protocol ClientLoad: Sendable {
  associatedtype Application: StateMachine

  /// What is there before the first operation, for runtimes that can put it there at no cost.
  var initialState: Application { get }

  /// The same for runtimes that cannot: from now on `begin` hands out the writes that bring it
  /// about, until `endLoading`.
  /// - Returns: how many writes that are.
  mutating func prepareLoading() -> Int
  mutating func endLoading()

  /// Writes that `prepareLoading` announced and `begin` has not handed out yet.
  var writesToLoad: Int { get }

  /// The next command of an idle client.
  /// - Parameters:
  ///   - due: when the operation was due; before `now` if it had to wait for a free client.
  ///   - now: true time since the trial began.
  mutating func begin(client: Int, sequence: UInt64, due: Interval, at now: Interval)
    -> Application.Command

  /// The operation that `begin` started for this client is over.
  mutating func end(
    client: Int, outcome: ClientOutcome<Application.Response>, attempts: Int, at now: Interval)

  /// An operation came due and no client was free to send it before its timeout.
  mutating func dropped(due: Interval, at now: Interval)

  /// The trial is over, and what is there is to be read back: from now on `begin` hands out reads,
  /// one for each place that was ever touched. After the last of them nothing may begin.
  /// - Returns: how many reads that are.
  mutating func prepareReadBack() -> Int

  /// Reads that `prepareReadBack` announced and `begin` has not handed out yet.
  var readsToDo: Int { get }

  /// The command of a probe (`ProbeSchedule`); `nil` if this load has no probes.
  mutating func beginProbe(
    client: Int, sequence: UInt64, isRead: Bool, due: Interval, at now: Interval
  ) -> Application.Command?

  /// The probe that `beginProbe` started for this client is over.
  mutating func endProbe(
    client: Int, outcome: ClientOutcome<Application.Response>, attempts: Int, at now: Interval)

  /// The trial is over: operations that are still open stay unknown.
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
