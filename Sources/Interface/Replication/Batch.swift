import WireFormat

/// Client updates that are ordered together: the unit that every protocol replicates.
///
/// One immutable block of bytes, encoded once by the host that took the requests. The same block goes to
/// the log, to the wire and to the followers, at one reference count per hand-over however many requests
/// it holds. An empty batch is a no-op.
///
/// Layout, per request: client (8 bytes), sequence (8), command length (4), command.
public struct Batch: Sendable {
  /// How many requests the batch holds.
  public let count: Int
  public let block: BatchBlock

  public static var headerByteCount: Int { 20 }

  public static let noop = Batch(count: 0, bytes: [])

  public init(count: Int, bytes: [UInt8]) {
    self.count = count
    block = BatchBlock(bytes)
  }

  public var bytes: [UInt8] { block.bytes }

  /// Encodes requests in the given order.
  public init<Command: WireCodable>(_ requests: [(id: RequestID, command: Command)]) {
    var builder = BatchBuilder()
    for request in requests { builder.append(request.id, request.command) }
    self = builder.build()
  }

  public var isNoop: Bool { count == 0 }

  /// Walks over the requests in order.
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
    a.count == b.count && (a.block === b.block || a.bytes == b.bytes)
  }
}

extension Batch: WireCodable {
  public var encodedByteCount: Int { 8 + block.byteCount }

  public func encode(into writer: inout WireWriter) {
    writer.write(UInt32(count))
    writer.write(UInt32(block.byteCount))
    if writer.notesBlocks, block.byteCount > 0 {
      writer.notedBlocks.append(NotedBlock(block: block, offset: writer.count))
    }
    writer.write(bytes)
  }

  public init(from reader: inout WireReader) throws(WireError) {
    let count = Int(try reader.read(UInt32.self))
    let length = Int(try reader.read(UInt32.self))
    self.init(count: count, bytes: try reader.readBytes(length))
    try checkStructure()
  }

  /// Proves that the block holds exactly `count` whole requests, so that readers need not doubt it.
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
  public var commandEnd = 0

  init(_ batch: Batch) {
    reader = WireReader(batch.bytes)
    remaining = batch.count
  }

  /// The next request, or `nil` behind the last one.
  public mutating func next() -> RequestID? {
    guard remaining > 0 else { return nil }
    remaining -= 1
    reader.offset = commandEnd
    reader.end = reader.storage.count
    guard let client = try? reader.read(UInt64.self),
      let sequence = try? reader.read(UInt64.self),
      let length = try? reader.read(UInt32.self)
    else { return nil }
    commandEnd = reader.offset + Int(length)
    return RequestID(client: ClientID(client), sequence: sequence)
  }

  /// Where the commands of the following requests begin in the batch's bytes: at most `limit` of them.
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

  /// The command of the request that `next()` returned; `nil` if its bytes are none.
  public mutating func command<Command: WireCodable>(as type: Command.Type) -> Command? {
    guard let command = try? Command(from: &reader), reader.offset == commandEnd else { return nil }
    return command
  }

  /// Applies the command of the request that `next()` returned; `nil` if its bytes are none.
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

  public init() {}

  public var isEmpty: Bool { count == 0 }
  public var byteCount: Int { writer.count }

  public mutating func append<Command: WireCodable>(_ id: RequestID, _ command: Command) {
    begin(id, commandByteCount: command.encodedByteCount)
    command.encode(into: &writer)
  }

  /// Adds a request whose command lies encoded in a part of a buffer.
  public mutating func append(_ id: RequestID, encoded bytes: [UInt8], in range: Range<Int>) {
    begin(id, commandByteCount: range.count)
    writer.write(bytes, in: range)
  }

  public mutating func begin(_ id: RequestID, commandByteCount: Int) {
    writer.reserve(Batch.headerByteCount + commandByteCount)
    writer.write(id.client.rawValue)
    writer.write(id.sequence)
    writer.write(UInt32(commandByteCount))
    count += 1
  }

  /// The batch gathered so far; the builder starts anew and keeps its buffer.
  public mutating func build() -> Batch {
    let batch = Batch(count: count, bytes: writer.bytes())
    writer.removeAll()
    count = 0
    return batch
  }
}
