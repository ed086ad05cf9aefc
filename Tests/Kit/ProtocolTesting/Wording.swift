import Replication

/// How a protocol's events read in a transcript. A closure that returns `nil` leaves its event out.
public struct Wording<Core: ReplicaCore> {
  public var message: (Core.Message) -> String?
  public var record: (Core.Record) -> String?
  public var timer: (Core.Timer) -> String
  public var status: (ReplicaStatus) -> String
  /// What a position of the log is called.
  public var entry: String

  public init(
    message: @escaping (Core.Message) -> String?, record: @escaping (Core.Record) -> String?,
    timer: @escaping (Core.Timer) -> String, status: @escaping (ReplicaStatus) -> String,
    entry: String = "entry"
  ) {
    self.message = message
    self.record = record
    self.timer = timer
    self.status = status
    self.entry = entry
  }
}

extension ReplicaID {
  /// The replicas of a transcript are A, B, C and so on.
  public var letter: String { String(UnicodeScalar(UInt8(65 + index))) }
}

extension Batch {
  /// `x=4`, or `no-op`.
  public var words: String {
    isNoop ? "no-op" : numbers.map { "x=\($0)" }.joined(separator: ", ")
  }
}

extension Sequence<ReplicaID> {
  /// `A`, `A and B`, `A, B and C`.
  public var letters: String {
    let names = map(\.letter)
    guard names.count > 1 else { return names.first ?? "no replica" }
    return names.dropLast().joined(separator: ", ") + " and " + names[names.count - 1]
  }
}
