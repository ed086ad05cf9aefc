import Primitives

/// A message and its addressee.
public struct OutgoingMessage<Message: Sendable>: Sendable {
  public var message: Message
  public var to: ReplicaID

  public init(message: Message, to: ReplicaID) {
    self.message = message
    self.to = to
  }
}

extension OutgoingMessage: Equatable where Message: Equatable {}

/// The messages of one turn with their addressees, in the order in which they are to leave.
///
/// Two arrays, because taking a message out of a pair would copy it, with a reference count for
/// each reference that it holds.
public struct SendLane<Message: Sendable>: Sendable {
  private var messages: [Message] = []
  private var receivers: [ReplicaID] = []

  public init() {}

  mutating func append(_ message: consuming Message, to receiver: ReplicaID) {
    messages.append(message)
    receivers.append(receiver)
  }

  mutating func replaceMessage(at index: Int, by message: Message) { messages[index] = message }

  /// The addressee of the last message; `nil` if there is none.
  @inline(__always)
  public var lastReceiver: ReplicaID? { receivers.last }

  /// Removes the last message, which must exist.
  @inline(__always)
  mutating func takeLast() -> Message {
    receivers.removeLast()
    return messages.removeLast()
  }

  /// Reverses the order.
  @inline(__always)
  mutating func turnAround() {
    guard receivers.count > 1 else { return }
    messages.turnAround()
    receivers.turnAround()
  }

  /// Appends all messages of another lane and empties it.
  @inline(__always)
  mutating func takeAll(of other: inout SendLane) {
    messages.takeElements(of: &other.messages)
    receivers.takeElements(of: &other.receivers)
  }

  /// Keeps the storage.
  @inline(__always)
  mutating func removeAll() {
    // Most runtimes have taken all of them.
    guard rarely(!receivers.isEmpty) else { return }
    messages.empty()
    receivers.empty()
  }
}

extension SendLane: RandomAccessCollection {
  public var startIndex: Int { 0 }
  public var endIndex: Int { receivers.count }
  public subscript(position: Int) -> OutgoingMessage<Message> {
    OutgoingMessage(message: messages[position], to: receivers[position])
  }
}

extension SendLane: Equatable where Message: Equatable {}
