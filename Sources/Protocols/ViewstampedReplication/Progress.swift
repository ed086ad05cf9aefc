import Replication
import WireFormat

extension ViewstampedReplica {
  /// What only the primary of a view has, from the start of that view to its end.
  struct Primacy: Sendable {
    /// The log with which the view started ends here.
    var startOp: LogIndex
    /// What the primary knows of each replica, itself included, in the order of the membership.
    var progress: [Progress]
    /// The newest round that confirms the view for reads.
    var readRound: UInt64 = 0
    /// The updates that follow in this turn will carry the newest round.
    var isRoundUnsent = false
    /// Reads and the rounds they wait for, oldest first.
    var readsInRound: [(ticket: ReadTicket, round: UInt64)] = []
    /// Reads that arrived before all that the view took over was committed.
    var readsWaiting: [ReadTicket] = []
  }

  /// What the primary knows of one replica in its view.
  struct Progress: Sendable {
    /// The replica has everything up to here on its disk.
    var prepared = LogIndex.zero
    /// The next operation to send.
    var next: LogIndex
    /// What has been sent and not been acknowledged, oldest first: ends of messages, and bytes.
    private var inFlight: [(end: LogIndex, byteCount: Int)] = []
    private var inFlightByteCount = 0
    /// The newest read round that the replica has answered, and the newest that it has been sent.
    var answeredRound: UInt64 = 0
    var announcedRound: UInt64 = 0
    /// The replica has answered since the primary last looked for a majority.
    var isActive = false

    init(next: LogIndex) { self.next = next }

    /// Whether a round is worth a message of its own.
    var mayAnnounce: Bool { announcedRound < answeredRound + mostUnansweredRounds }

    /// Whether a message with so many bytes may be sent. One may always be if none is on its way.
    func hasRoom(for byteCount: Int, _ options: Options) -> Bool {
      inFlight.isEmpty
        || inFlight.count < options.inFlightLimit
          && inFlightByteCount + byteCount <= options.inFlightBytes
    }

    /// How many more bytes may be on their way to the replica.
    func room(_ options: Options) -> Int {
      inFlight.count < options.inFlightLimit
        ? max(options.inFlightBytes - inFlightByteCount, 0) : 0
    }

    mutating func noteSent(through op: LogIndex, byteCount: Int) {
      inFlight.append((op, byteCount))
      inFlightByteCount += byteCount
      next = op.next
    }

    mutating func notePrepared(through op: LogIndex) {
      prepared = max(prepared, op)
      next = max(next, op.next)
      var released = 0
      while released < inFlight.count, inFlight[released].end <= op {
        inFlightByteCount -= inFlight[released].byteCount
        released += 1
      }
      if released > 0 { inFlight.removeFirst(released) }
    }

    /// The replica has been told the whole log: what it lacks of that it asks for itself.
    mutating func noteToldLog(through op: LogIndex) {
      inFlight.removeAll()
      inFlightByteCount = 0
      next = op.next
    }
  }

  /// Prepare messages of the current view that arrived before the operations they follow, in the
  /// order of the log. Forgetting any of them is allowed at any time.
  struct HeldBack: Sendable {
    private var messages: [Prepare] = []
    private var byteCount = 0

    /// The last operation that is missing before those that are held; `nil` if none are.
    var gapEnd: LogIndex? { messages.first?.op.previous }

    mutating func hold(_ message: Prepare, _ options: Options) {
      let bytes = message.batches.encodedByteCount
      guard !message.batches.isEmpty, messages.count < options.inFlightLimit,
        byteCount + bytes <= options.inFlightBytes || messages.isEmpty,
        !messages.contains(where: { $0.op == message.op })
      else { return }
      let place = messages.firstIndex { $0.op > message.op } ?? messages.count
      messages.insert(message, at: place)
      byteCount += bytes
    }

    /// Takes the first message out if a log that ends at `lastOp` reaches up to it.
    mutating func next(after lastOp: LogIndex) -> Prepare? {
      guard let first = messages.first, first.op <= lastOp.next else { return nil }
      messages.removeFirst()
      byteCount -= first.batches.encodedByteCount
      return first
    }

    mutating func removeAll() {
      messages.removeAll()
      byteCount = 0
    }
  }
}
