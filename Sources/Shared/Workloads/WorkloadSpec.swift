import Clients
import Replication

/// The load of a trial: its clients and the operations that they send.
public struct WorkloadSpec: Sendable, Equatable {
  /// The number of clients; in an open loop that at the start, because more are created when they
  /// are needed.
  public var clients = 32
  public var arrival = Arrival.closed
  /// Shares of the kinds of operation; they need not add up to 1.
  public var mix = OperationMix(get: 0.5, put: 0.5)
  public var keys = 1000
  /// Whether all keys have a value before the first operation.
  public var preload = false
  public var distribution = KeyDistribution.zipfian(theta: 0.99)
  /// The number of keys of a scan; a uniform one up to 100 is YCSB's.
  public var scanLength = ScanLength.uniform(1...100)
  /// Bytes of a written value.
  public var valueSize = ValueSize.fixed(128)
  /// The time after which a client gives an operation up; its outcome is then unknown.
  public var timeout = Interval.seconds(1)
  /// How long a client waits for an answer before it sends its request again.
  public var patience = Patience.adaptive
  /// Whether the clients of an open loop have no more operations outstanding than the service
  /// answers within half of the timeout (`AnswerRate`). Without that each operation is sent as soon
  /// as it is due.
  public var limitsOutstanding = true
  /// The measured part ends early, after this many answers; `nil` for its whole duration.
  public var operations: Int?
  /// Operations per second that each client of a closed loop begins at most; `nil` for no limit. A
  /// group may differ.
  public var clientRate: Double?
  /// The pause of a closed-loop client between an answer and its next operation.
  public var thinkTime = Interval.zero
  /// Which replica clients ask first; a group may differ.
  public var ask = FirstAsked.inCharge
  /// Empty if all clients are alike.
  public var groups: [ClientGroup] = []
  /// How clients share connections to a node, in the cluster runtime and to targets. It has no
  /// effect in the simulator, which does not model connections.
  public var connections = ConnectionSharing.shared(4)

  /// The operations, if they are not drawn; `arrival`, `mix` and `keys` are then those of the
  /// trace.
  public private(set) var trace: OperationTrace?

  public init() {}

  /// Replaces drawn operations by those of a trace.
  public mutating func follow(_ trace: OperationTrace) {
    self.trace = trace
    arrival = .varying(LoadCurve(times: trace.times), process: .constant)
    mix = trace.mix
    keys = trace.keys
  }

  /// The mean size of written values.
  public var meanValueSize: Double { trace?.meanSize(valueSize.mean) ?? valueSize.mean }
}

/// How many TCP connections lead to each node.
public enum ConnectionSharing: Sendable, Equatable {
  /// All clients share this many connections, 1...1024. Requests on one connection are pipelined.
  case shared(Int)
  /// Each client has a connection to itself.
  case perClient

  /// The number of connections.
  public func count(clients: Int) -> Int {
    switch self {
    case .shared(let count): min(count, max(clients, 1))
    case .perClient: max(clients, 1)
    }
  }
}

public struct OperationMix: Sendable, Equatable {
  public var get: Double
  public var put: Double
  public var delete: Double
  public var append: Double
  public var compareAndSwap: Double
  /// A put on a key that did not exist before (YCSB D, E).
  public var insert: Double
  /// A get and then a put on the same key (YCSB F); counts as two operations.
  public var readModifyWrite: Double
  /// A read of several keys with consecutive numbers at one moment (YCSB E).
  public var scan: Double

  public init(
    get: Double = 0, put: Double = 0, delete: Double = 0, append: Double = 0,
    compareAndSwap: Double = 0, insert: Double = 0, readModifyWrite: Double = 0, scan: Double = 0
  ) {
    self.get = get
    self.put = put
    self.delete = delete
    self.append = append
    self.compareAndSwap = compareAndSwap
    self.insert = insert
    self.readModifyWrite = readModifyWrite
    self.scan = scan
  }
}

public enum KeyDistribution: Sendable, Equatable {
  case uniform
  /// YCSB's scrambled zipfian with exponent `theta` above 0.
  case zipfian(theta: Double)
  /// The first `keyShare` of the keys get `operationShare` of the operations.
  case hotspot(keyShare: Double, operationShare: Double)
  /// The share of operations that use the first key and so conflict with each other; the others
  /// use keys that no other client uses (Moraru et al. 2013 §7).
  case conflict(share: Double)
  /// A zipfian over how recently a key was inserted, newest first.
  case latest

  public var isConflict: Bool { if case .conflict = self { true } else { false } }
}

/// The core workloads of YCSB (Cooper et al. 2010 §4).
public enum WorkloadPreset: String, Sendable, CaseIterable {
  case ycsbA = "ycsb-a"
  case ycsbB = "ycsb-b"
  case ycsbC = "ycsb-c"
  case ycsbD = "ycsb-d"
  case ycsbE = "ycsb-e"
  case ycsbF = "ycsb-f"

  public var mix: OperationMix {
    switch self {
    case .ycsbA: OperationMix(get: 0.5, put: 0.5)
    case .ycsbB: OperationMix(get: 0.95, put: 0.05)
    case .ycsbC: OperationMix(get: 1)
    case .ycsbD: OperationMix(get: 0.95, insert: 0.05)
    case .ycsbE: OperationMix(insert: 0.05, scan: 0.95)
    case .ycsbF: OperationMix(get: 0.5, readModifyWrite: 0.5)
    }
  }

  public var distribution: KeyDistribution {
    self == .ycsbD ? .latest : .zipfian(theta: 0.99)
  }

  public var meaning: String {
    switch self {
    case .ycsbA: "update heavy: half reads, half updates, zipfian keys"
    case .ycsbB: "read mostly: 95 % reads, 5 % updates, zipfian keys"
    case .ycsbC: "read only, zipfian keys"
    case .ycsbD: "read latest: 95 % reads of recent keys, 5 % inserts"
    case .ycsbE: "short ranges: 95 % scans of 1 to 100 keys from a zipfian one on, 5 % inserts"
    case .ycsbF: "read-modify-write: half reads, half reads followed by an update of the same key"
    }
  }
}
