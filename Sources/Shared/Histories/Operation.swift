/// The kind of an operation of the key-value store.
public enum OperationKind: UInt8, Sendable, CaseIterable {
  case get, put, delete, append, compareAndSwap, scan

  @inline(__always)
  public var isRead: Bool { self == .get || self == .scan }

  /// The name in CSV files and histories.
  public var name: String {
    switch self {
    case .get: "get"
    case .put: "put"
    case .delete: "delete"
    case .append: "append"
    case .compareAndSwap: "cas"
    case .scan: "scan"
    }
  }
}

/// How an operation ended from the client's point of view.
public enum Outcome: UInt8, Sendable {
  /// Acknowledged: it took effect between `invoked` and `returned`.
  case ok
  /// It certainly did not take effect and never will.
  case failed
  /// Without an answer: it may take effect at any time after `invoked`, or never.
  case unknown
}

/// One operation of one client, as the client observed it. Times are nanoseconds of true time since
/// the trial began.
///
/// Values are represented by 64-bit digests that compose: the digest of `a` followed by `b` is a
/// function of both digests and the length of `b` (`ValueDigest`). `ValueDigest.absent` stands for
/// "no value".
public struct Operation: Sendable, Equatable {
  // A trial keeps millions of operations, so the fields are ordered without padding: 72 bytes in
  // all. A running trial keeps them in a smaller form (`StoredOperation`).

  /// The value that a put, an append or a compare-and-swap writes; absent for a get and a delete.
  public var argument: ValueDigest
  /// The client, counted from 0.
  public var client: UInt32
  /// The value that a compare-and-swap expects. For an append: the value to which it was applied,
  /// if some observed value shows it, otherwise `absent`. This is a hint for the checker, which
  /// verifies it.
  public var expected: ValueDigest
  /// The key's number in the workload; for a scan, that of its first key.
  public var key: UInt32
  /// The value that an acknowledged get, or a compare-and-swap that did not swap, observed. For a
  /// scan, where its values are: see `scanned`.
  public var observed: ValueDigest
  var sequenceWord: UInt32
  /// The time from when the operation was due until it was invoked, below 2⁴⁸ ns (three days): the
  /// lower 32 bits and the upper 16 bits.
  var delayLow: UInt32
  var delayHigh: UInt16
  var attemptsByte: UInt8
  var state: State
  var invokedNs: Int64
  /// When the answer came or the client gave up; for an operation that was still open when the
  /// trial ended, the end of the trial.
  public var returned: Int64

  /// Kind, outcome and `swapped` in one byte.
  struct State: Sendable, Equatable {
    var bits: UInt8

    init(bits: UInt8) { self.bits = bits }

    /// All but the kind.
    @inline(__always)
    init(_ outcome: Outcome, swapped: Bool) {
      bits = outcome.rawValue << 4 | (swapped ? 1 << 7 : 0)
    }

    @inline(__always)
    var kind: OperationKind { OperationKind(rawValue: bits & 0xF)! }
  }

  public init(
    client: UInt32, kind: OperationKind, key: UInt32, argument: ValueDigest = .absent,
    expected: ValueDigest = .absent, observed: ValueDigest = .absent, swapped: Bool = false,
    outcome: Outcome = .unknown, intended: Int64? = nil, invoked: Int64, returned: Int64,
    attempts: UInt16 = 1, sequence: UInt64 = 0
  ) {
    self.client = client
    self.key = key
    self.argument = argument
    self.expected = expected
    self.observed = observed
    self.returned = returned
    invokedNs = invoked
    sequenceWord = UInt32(clamping: sequence)
    attemptsByte = UInt8(clamping: attempts)
    delayLow = 0
    delayHigh = 0
    state = State(bits: kind.rawValue | State(outcome, swapped: swapped).bits)
    self.intended = intended ?? invoked
  }
}

extension Operation {
  /// A get that begins, without an end so far.
  @inline(__always)
  public init(client: UInt32, intended: Int64, invoked: Int64, sequence: UInt64) {
    argument = .absent
    self.client = client
    expected = .absent
    key = 0
    observed = .absent
    sequenceWord = UInt32(clamping: sequence)
    delayLow = 0
    delayHigh = 0
    attemptsByte = 1
    state = State(bits: OperationKind.get.rawValue | State(.unknown, swapped: false).bits)
    invokedNs = invoked
    returned = .max
    self.intended = intended
  }

  public var kind: OperationKind {
    get { state.kind }
    set { state.bits = state.bits & 0xF0 | newValue.rawValue }
  }

  public var outcome: Outcome {
    get { Outcome(rawValue: state.bits >> 4 & 7)! }
    set { state.bits = state.bits & 0x8F | newValue.rawValue << 4 }
  }

  /// Whether the operation is a compare-and-swap that was acknowledged and did swap.
  public var swapped: Bool {
    get { state.bits & 0x80 != 0 }
    set { state.bits = state.bits & 0x7F | (newValue ? 0x80 : 0) }
  }

  /// How often the operation was sent until the answer came; 255 stands for 255 or more. 0 for
  /// writes that were loaded before the trial and for operations that were never sent.
  public var attempts: UInt16 {
    get { UInt16(attemptsByte) }
    set { attemptsByte = UInt8(clamping: newValue) }
  }

  /// The request's sequence number in its client's session.
  public var sequence: UInt64 { UInt64(sequenceWord) }

  public var invoked: Int64 {
    get { invokedNs }
    set {
      let due = intended
      invokedNs = newValue
      intended = due
    }
  }

  /// When the operation was due: the arrival time in an open loop, otherwise `invoked`. It is never
  /// after `invoked`, and at most three days before it.
  public var intended: Int64 {
    get { invokedNs - (Int64(delayHigh) << 32 | Int64(delayLow)) }
    set {
      let delay = min(max(invokedNs &- newValue, 0), 1 << 48 - 1)
      delayLow = UInt32(truncatingIfNeeded: delay)
      delayHigh = UInt16(truncatingIfNeeded: delay >> 32)
    }
  }
}
