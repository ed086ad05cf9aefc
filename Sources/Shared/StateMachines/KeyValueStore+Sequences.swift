import Primitives
import Replication

// Sequences of commands that take effect at one moment, their conditions, and the limit of their
// answers.

extension KeyValueStore {
  mutating func apply(_ sequence: KeyValueSequence) -> Response {
    var responses: [Response] = []
    responses.reserveCapacity(sequence.count)
    var room = Self.maximumAnswerByteCount
    var skipped = 0
    var reader = sequence.makeReader()
    while let command = reader.next() {
      guard skipped == 0 else {
        skipped -= 1
        responses.append(.skipped)
        continue
      }
      guard let response = step(command, room: &room, mayExceed: responses.isEmpty) else { break }
      skipped = Self.skippedCount(after: command, response)
      responses.append(response)
    }
    return .sequence(responses)
  }

  /// Applies a whole transaction, or undoes it, because the length of the answer is known only at
  /// the end.
  mutating func carryOut(_ sequence: KeyValueSequence) -> Response {
    var responses: [Response] = []
    responses.reserveCapacity(sequence.count)
    var room = Self.maximumAnswerByteCount
    var skipped = 0
    var undo: [Undo] = []
    var reader = sequence.makeReader()
    while let command = reader.next() {
      guard skipped == 0 else {
        skipped -= 1
        responses.append(.skipped)
        continue
      }
      if !command.isReadOnly { undo.append(Undo(command, in: self)) }
      guard let response = step(command, room: &room, mayExceed: false) else {
        for action in undo.reversed() { action.take(backFrom: &self) }
        return .refused(.answerTooLong)
      }
      skipped = Self.skippedCount(after: command, response)
      responses.append(response)
    }
    return .sequence(responses)
  }

  /// The state before a command that changes something.
  private enum Undo {
    case value(Key, [UInt8]?)
    case all(FlatTable<Key, [UInt8]>, contentByteCount: Int)

    init(_ command: Command, in store: KeyValueStore) {
      if let key = command.changedKey {
        self = .value(key, store.values[key])
      } else {
        self = .all(store.values, contentByteCount: store.contentByteCount)
      }
    }

    func take(backFrom store: inout KeyValueStore) {
      switch self {
      case .value(let key, let value?):
        store.set(key, to: value)
      case .value(let key, nil):
        store.remove(key)
      case .all(let values, let contentByteCount):
        store.values = values
        store.contentByteCount = contentByteCount
      }
    }
  }

  /// Carries out one command of a sequence.
  /// - Returns: `nil` if its answer is longer than the remaining room; the command has then changed
  ///   nothing.
  mutating func step(_ command: Command, room: inout Int, mayExceed: Bool) -> Response? {
    if command.isReadOnly {
      let response = query(command)
      room -= response.valueByteCount
      return room >= 0 || mayExceed ? response : nil
    }
    if case .compareAndSwap(let key, _, _) = command, let position = values.position(of: key) {
      room -= values.values[position].count
      guard room >= 0 || mayExceed else { return nil }
    }
    return apply(command)
  }

  /// The number of commands to skip after this one.
  static func skippedCount(after command: Command, _ response: Response) -> Int {
    guard case .require(_, _, let count) = command, response == .number(0) else { return 0 }
    return Int(count)
  }
}

extension KeyValueCommand {
  /// The only key that the command may change; `nil` if it changes none or all.
  var changedKey: Key? {
    switch self {
    case .put(let key, _), .delete(let key), .append(let key, _), .compareAndSwap(let key, _, _),
      .increment(let key, _), .putIfAbsent(let key, _), .putIfPresent(let key, _),
      .addDecimal(let key, _):
      key
    default: nil
    }
  }
}
