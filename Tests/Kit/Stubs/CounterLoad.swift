import Clients
import Primitives
import Replication
import StateMachines
import WireFormat

/// Clients that add to a counter or read it, and a record of the driver's calls. Times in records
/// are in nanoseconds.
public struct CounterLoad: ClientLoad {
  public typealias Application = Counter

  private enum Choice: Sendable {
    case inTurn([Counter.Command])
    case random(RandomStream, readShare: Double)
  }

  public struct Begun: Equatable, Sendable {
    public var client: Int
    public var sequence: UInt64
    public var due: Int64
    public var at: Int64

    public init(client: Int, sequence: UInt64, due: Int64, at: Int64) {
      self.client = client
      self.sequence = sequence
      self.due = due
      self.at = at
    }
  }

  public struct Ended: Equatable, Sendable {
    public var client: Int
    public var outcome: ClientOutcome<UInt64>
    public var attempts: Int
    public var at: Int64

    public init(client: Int, outcome: ClientOutcome<UInt64>, attempts: Int, at: Int64) {
      self.client = client
      self.outcome = outcome
      self.attempts = attempts
      self.at = at
    }
  }

  public struct Dropped: Equatable, Sendable {
    public var due: Int64
    public var at: Int64

    public init(due: Int64, at: Int64) {
      self.due = due
      self.at = at
    }
  }

  public struct Probe: Equatable, Sendable {
    public var isRead: Bool
    public var due: Int64

    public init(isRead: Bool, due: Int64) {
      self.isRead = isRead
      self.due = due
    }
  }

  /// An operation from its beginning to its end.
  public struct Operation: Equatable, Sendable {
    public var begun: Begun
    public var isRead: Bool
    /// The largest value of which any client knew when it began.
    public var knownBefore: UInt64
    public var ended: Ended?

    public var answer: UInt64? {
      if case .answered(let value)? = ended?.outcome { value } else { nil }
    }
  }

  public private(set) var operations: [Operation] = []
  public private(set) var ended: [Ended] = []
  public private(set) var dropped: [Dropped] = []
  public private(set) var probes: [Probe] = []
  public private(set) var endedProbes: [ClientOutcome<UInt64>] = []
  public private(set) var closed: [Int64] = []
  /// The number of reads after the trial, and of those still to do.
  public var touched = 0
  public private(set) var readsToDo = 0
  private var choice: Choice
  private var hasProbes = false
  private var highestKnown: UInt64 = 0
  /// The position of each client's operation under way.
  private var current: [Int: Int] = [:]

  /// The commands are used in turn.
  public init(_ commands: [Counter.Command] = [.read], hasProbes: Bool = false) {
    choice = .inTurn(commands)
    self.hasProbes = hasProbes
  }

  /// Additions of one, and some reads among them.
  public init(readShare: Double, seed: UInt64) {
    choice = .random(RandomStream(seed: seed, label: 0xC0), readShare: readShare)
  }

  public var begun: [Begun] { operations.map(\.begun) }

  private mutating func chooseCommand() -> Counter.Command {
    switch choice {
    case .inTurn(let commands): return commands[operations.count % commands.count]
    case .random(var random, let readShare):
      let isRead = random.chance(readShare)
      choice = .random(random, readShare: readShare)
      return isRead ? .read : .add(1)
    }
  }

  public mutating func begin(
    client: Int, sequence: UInt64, due: Interval, at now: Interval
  ) -> Counter.Command {
    let command = readsToDo > 0 ? .read : chooseCommand()
    readsToDo = max(readsToDo - 1, 0)
    current[client] = operations.count
    operations.append(
      Operation(
        begun: Begun(
          client: client, sequence: sequence, due: due.nanoseconds, at: now.nanoseconds),
        isRead: command == .read, knownBefore: highestKnown))
    return command
  }

  public mutating func end(
    client: Int, outcome: ClientOutcome<UInt64>, attempts: Int, at now: Interval
  ) {
    let ending = Ended(client: client, outcome: outcome, attempts: attempts, at: now.nanoseconds)
    ended.append(ending)
    if case .answered(let value) = outcome { highestKnown = max(highestKnown, value) }
    if let position = current.removeValue(forKey: client) { operations[position].ended = ending }
  }

  public mutating func dropped(due: Interval, at now: Interval) {
    dropped.append(Dropped(due: due.nanoseconds, at: now.nanoseconds))
  }

  public mutating func prepareReadBack() -> Int {
    readsToDo = touched
    return touched
  }

  public mutating func beginProbe(
    client: Int, sequence: UInt64, isRead: Bool, due: Interval, at now: Interval
  ) -> Counter.Command? {
    guard hasProbes else { return nil }
    probes.append(Probe(isRead: isRead, due: due.nanoseconds))
    return isRead ? .read : .add(1)
  }

  public mutating func endProbe(
    client: Int, outcome: ClientOutcome<UInt64>, attempts: Int, at now: Interval
  ) { endedProbes.append(outcome) }

  public mutating func close(at end: Interval) { closed.append(end.nanoseconds) }
}
