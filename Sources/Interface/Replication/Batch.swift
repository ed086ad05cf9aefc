import WireFormat

/// Client updates that are ordered together: the unit that every protocol replicates.
///
/// A batch is one immutable run of bytes, encoded once by the host that took the requests. The same
/// bytes go to the log, to the wire and to the followers. Each hand-over costs one reference count,
/// however many requests the batch holds. An empty batch is a no-op.
///
/// Layout: the number of requests (4 bytes), the number of bytes after these eight (4); then for
/// each request the client (8), sequence (8), command length (4) and command. A sequence whose
/// second highest bit is set continues a session (`ClientRequest.continues`). The first request may
/// be a `SessionStamp`, which readers pass over.
///
/// A batch takes one word in memory, because replicas keep millions of batches.
public struct Batch: Sendable {
  public enum Storage: Sendable {
    case bytes([UInt8])
    /// Bytes that a log may drop from memory once it has written them.
    case block(BatchBytes)
  }

  public let storage: Storage

  /// The bytes before the first request.
  public static var prefixByteCount: Int { 8 }
  /// The bytes of each request before its command.
  public static var headerByteCount: Int { 20 }

  public static let noop = Batch(
    encoded: [UInt8](repeating: 0, count: prefixByteCount), count: 0, mayLeaveMemory: false)

  /// - Parameters:
  ///   - bytes: the whole batch, its prefix included.
  ///   - mayLeaveMemory: a log that writes the batch may drop its bytes from memory. This costs one
  ///     more object per batch, so a simulator, whose log keeps everything, passes `false`.
  init(encoded bytes: [UInt8], count: Int, mayLeaveMemory: Bool) {
    storage = mayLeaveMemory ? .block(BatchBytes(bytes, count: count)) : .bytes(bytes)
  }

  /// Encodes requests in the given order.
  public init<Command: WireCodable>(
    _ requests: [(id: RequestID, command: Command)], mayLeaveMemory: Bool = false
  ) {
    var builder = BatchBuilder()
    builder.batchesMayLeaveMemory = mayLeaveMemory
    for request in requests { builder.append(request.id, request.command) }
    self = builder.build()
  }

  /// The whole batch in its wire format.
  public var bytes: [UInt8] {
    switch storage {
    case .bytes(let bytes): bytes
    case .block(let block): block.bytes
    }
  }

  /// How many requests the batch holds.
  public var count: Int {
    switch storage {
    case .bytes(let bytes):
      Int(UInt32(littleEndian: bytes.withUnsafeBytes { $0.loadUnaligned(as: UInt32.self) }))
    case .block(let block): block.count
    }
  }

  package var isNoop: Bool { count == 0 }

  /// A reader that stands before the first request.
  @inline(__always)
  public func makeReader() -> BatchReader { BatchReader(self) }

  /// The identities of the requests in order.
  public var requestIDs: [RequestID] {
    var reader = makeReader()
    var ids: [RequestID] = []
    while let id = reader.next() { ids.append(id) }
    return ids
  }
}

extension Batch: Equatable {
  public static func == (a: Batch, b: Batch) -> Bool {
    a.isSame(as: b) || a.bytes == b.bytes
  }

  /// Whether both are references to the same bytes, which hosts compare for every commit. Comparing
  /// the words themselves counts no references.
  ///
  /// Safety: a batch is one word, which says what it refers to and of which kind that is.
  @inline(__always)
  public func isSame(as other: Batch) -> Bool {
    unsafeBitCast(self, to: UInt.self) == unsafeBitCast(other, to: UInt.self)
  }
}

extension Batch: WireCodable {
  public var encodedByteCount: Int {
    switch storage {
    case .bytes(let bytes): bytes.count
    case .block(let block): block.byteCount
    }
  }

  public func encode(into writer: inout WireWriter) {
    if writer.notesBatches, case .block(let block) = storage {
      writer.notedBatches.append(NotedBatch(block: block, offset: writer.count))
    }
    writer.write(bytes)
  }

  public init(from reader: inout WireReader) throws(WireError) {
    let start = reader.offset
    let count = Int(try reader.read(UInt32.self))
    let length = Int(try reader.read(UInt32.self))
    guard count > 0 || length > 0 else {
      self = .noop
      return
    }
    reader.offset = start
    self.init(
      encoded: try reader.readBytes(Batch.prefixByteCount + length), count: count,
      mayLeaveMemory: true)
    if let notes = reader.batchNotes, case .block(let block) = storage {
      notes.note(block, at: start)
    }
    try checkStructure()
  }

  /// Checks that the bytes hold exactly `count` whole requests, so that readers need not check it.
  private func checkStructure() throws(WireError) {
    var reader = makeReader().reader
    for _ in 0..<count {
      try reader.skip(Batch.headerByteCount - 4)
      try reader.skip(Int(try reader.read(UInt32.self)))
    }
    guard reader.isAtEnd else { throw .malformed("bytes after the last request of a batch") }
  }
}

/// Walks over the requests of a batch: `next()` moves to a request, `command(as:)` decodes it.
public struct BatchReader {
  public var reader: WireReader
  public var remaining: Int
  public var commandEnd = Batch.prefixByteCount
  /// The stamp at the start of the batch, if there is one.
  public private(set) var stamp: SessionStamp?
  /// Whether the request that `next()` returned continues a session.
  public private(set) var continues = false

  // Inlined, so that a reader's fields need not be written to memory and read again.
  @inline(__always)
  init(_ batch: Batch) {
    remaining = batch.count
    reader = WireReader(batch.bytes)
    reader.offset = commandEnd
    guard remaining > 0, let head = header(at: commandEnd),
      head.client == SessionStamp.client.rawValue
    else { return }
    readStamp(head.sequence, byteCount: head.length)
  }

  /// The client, the sequence and the command's length of the request at an offset; `nil` if the
  /// bytes end before. One check of the bounds for all three, because readers pass over every
  /// request of every batch.
  @inline(__always)
  private func header(at offset: Int) -> (client: UInt64, sequence: UInt64, length: Int)? {
    let bytes = reader.storage
    guard offset >= 0, offset + Batch.headerByteCount <= bytes.count else { return nil }
    return bytes.withUnsafeBytes { bytes in
      let client = bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
      let sequence = bytes.loadUnaligned(fromByteOffset: offset + 8, as: UInt64.self)
      let length = bytes.loadUnaligned(fromByteOffset: offset + 16, as: UInt32.self)
      return (
        UInt64(littleEndian: client), UInt64(littleEndian: sequence),
        Int(UInt32(littleEndian: length))
      )
    }
  }

  /// Passes over the stamp, which is the first request.
  @inline(never)
  private mutating func readStamp(_ time: UInt64, byteCount: Int) {
    remaining -= 1
    var look = reader
    look.offset = commandEnd + Batch.headerByteCount
    commandEnd = look.offset + byteCount
    guard time <= SessionStamp.latest, byteCount == SessionStamp.expiryByteCount,
      let expiry = try? look.read(UInt64.self)
    else { return }
    stamp = SessionStamp(time: time, expiry: expiry)
  }

  /// The next request, or `nil` after the last one.
  public mutating func next() -> RequestID? {
    guard remaining > 0 else { return nil }
    remaining -= 1
    reader.offset = commandEnd
    reader.end = reader.storage.count
    guard let head = header(at: commandEnd) else { return nil }
    reader.offset += Batch.headerByteCount
    commandEnd = reader.offset + head.length
    continues = head.sequence & RequestHead.continuing != 0
    return RequestID(
      client: ClientID(head.client), sequence: head.sequence & ~RequestHead.continuing)
  }

  /// The offsets in the batch's bytes at which the commands of the next requests begin, at most
  /// `limit` of them.
  public func upcoming(_ limit: Int, into offsets: inout [Int]) {
    offsets.removeAll(keepingCapacity: true)
    var look = reader
    look.offset = commandEnd
    look.end = look.storage.count
    for _ in 0..<min(limit, remaining) {
      look.offset += Batch.headerByteCount - 4
      guard let length = try? look.read(UInt32.self) else { return }
      offsets.append(look.offset)
      look.offset += Int(length)
    }
  }

  /// The command of the request that `next()` returned; `nil` if its bytes are malformed.
  public mutating func command<Command: WireCodable>(as type: Command.Type) -> Command? {
    guard let command = try? Command(from: &reader), reader.offset == commandEnd else { return nil }
    return command
  }

  /// Applies the command of the request that `next()` returned. Malformed bytes give `nil` and
  /// change nothing.
  public mutating func apply<Application: StateMachine>(
    to application: inout Application
  ) -> Application.Response? {
    reader.end = commandEnd
    return try? application.apply(reading: &reader)
  }
}

/// Gathers requests into a batch.
public struct BatchBuilder: Sendable {
  public var writer = WireWriter()
  public var count = 0
  /// Whether the log may drop the bytes of the batches from memory (see `Batch`).
  public var batchesMayLeaveMemory = false

  public init() {}

  public var isEmpty: Bool { count == 0 }
  /// The bytes of the requests gathered so far, without the batch's prefix.
  public var byteCount: Int { isEmpty ? 0 : writer.count - Batch.prefixByteCount }

  public mutating func append<Command: WireCodable>(
    _ id: RequestID, _ command: Command, continues: Bool = false
  ) {
    begin(id, commandByteCount: command.encodedByteCount, continues: continues)
    command.encode(into: &writer)
  }

  /// Begins the batch with a stamp.
  public mutating func append(_ stamp: SessionStamp) {
    precondition(isEmpty, "a stamp is the first request of its batch")
    append(RequestID(client: SessionStamp.client, sequence: stamp.time), stamp.expiry)
  }

  /// Adds a request whose command is already encoded in a part of a buffer.
  public mutating func append(
    _ id: RequestID, encoded bytes: [UInt8], in range: Range<Int>, continues: Bool = false
  ) {
    begin(id, commandByteCount: range.count, continues: continues)
    writer.write(bytes, in: range)
  }

  public mutating func begin(_ id: RequestID, commandByteCount: Int, continues: Bool) {
    if isEmpty { writer.write(UInt64(0)) }
    writer.reserve(Batch.headerByteCount + commandByteCount)
    writer.write(id.client.rawValue)
    writer.write(id.sequence | (continues ? RequestHead.continuing : 0))
    writer.write(UInt32(commandByteCount))
    count += 1
  }

  /// Returns the batch gathered so far and empties the builder, which keeps its buffer.
  public mutating func build() -> Batch {
    guard !isEmpty else { return .noop }
    writer.overwrite(at: 0, with: UInt32(count))
    writer.overwrite(at: 4, with: UInt32(byteCount))
    let batch = Batch(
      encoded: writer.bytes(), count: count, mayLeaveMemory: batchesMayLeaveMemory)
    writer.removeAll()
    count = 0
    return batch
  }
}
