import Faults
import Replication
import Trials
import WireFormat

extension WireWriter {
  mutating func write(_ text: String) {
    let bytes = Array(text.utf8)
    write(UInt32(bytes.count))
    write(bytes)
  }

  mutating func write(_ number: Double) { write(number.bitPattern) }
  mutating func write(_ number: Int) { write(Int64(number)) }
}

extension WireReader {
  /// At most 64 KiB of valid UTF-8.
  mutating func readText() throws(WireError) -> String {
    let count = Int(try read(UInt32.self))
    guard count <= 64 << 10 else { throw .malformed("a text of \(count) bytes") }
    guard let text = String(validating: try readBytes(count), as: UTF8.self) else {
      throw .malformed("a text that is not UTF-8")
    }
    return text
  }

  mutating func readNumber() throws(WireError) -> Double {
    let number = Double(bitPattern: try read(UInt64.self))
    guard number.isFinite else { throw .malformed("\(number) is no number") }
    return number
  }

  /// A number that is used in computations, so its size is limited.
  mutating func readNumber(in range: ClosedRange<Double>) throws(WireError) -> Double {
    let number = try readNumber()
    guard range.contains(number) else { throw .malformed("\(number), not in \(range)") }
    return number
  }

  /// Nanoseconds, up to eleven days. That is a hundred times what experiments may ask for, and
  /// adding it to a clock's time cannot overflow.
  mutating func readTime(
    in range: ClosedRange<Int64> = 0...1_000_000_000_000_000
  ) throws(WireError) -> Int64 {
    let time = try read(Int64.self)
    guard range.contains(time) else { throw .malformed("\(time) ns, not in \(range)") }
    return time
  }

  mutating func readInteger() throws(WireError) -> Int { Int(try read(Int64.self)) }
}

extension Hello: WireCodable {
  public var encodedByteCount: Int {
    4 + cluster.utf8.count + 4 + protocolName.utf8.count + 41 + secret.count
  }

  public func encode(into writer: inout WireWriter) {
    writer.write(cluster)
    writer.write(protocolName)
    writer.write(role.rawValue)
    addressee.encode(into: &writer)
    writer.write(nodeCount)
    writer.write(clients.first)
    writer.write(clients.remainder)
    writer.write(clients.stride)
    writer.write(logNumber)
    writer.write(logGeneration)
    writer.write(UInt32(secret.count))
    writer.write(secret)
  }

  public init(from reader: inout WireReader) throws(WireError) {
    cluster = try reader.readText()
    protocolName = try reader.readText()
    let rawRole = try reader.read(UInt8.self)
    guard let role = ConnectionRole(rawValue: rawRole) else {
      throw .malformed("\(rawRole) is no role of a connection")
    }
    self.role = role
    addressee = try ReplicaID(from: &reader)
    nodeCount = try reader.read(UInt16.self)
    clients = CarriedClients(
      first: try reader.read(UInt64.self), remainder: try reader.read(UInt32.self),
      stride: try reader.read(UInt32.self))
    logNumber = try reader.read(UInt64.self)
    logGeneration = try reader.read(UInt64.self)
    let count = try reader.read(UInt32.self)
    guard count <= 64 else { throw .malformed("a secret of \(count) bytes") }
    secret = try reader.readBytes(Int(count))
  }
}

extension SilenceNotice: WireCodable {
  public var encodedByteCount: Int { 8 + 1 + (epochInCharge == nil ? 0 : 8) }

  public func encode(into writer: inout WireWriter) {
    writer.write(pause.nanoseconds)
    writer.write(epochInCharge != nil)
    if let epochInCharge { writer.write(epochInCharge) }
  }

  public init(from reader: inout WireReader) throws(WireError) {
    let pause = Interval(nanoseconds: try reader.readTime())
    let isInCharge = try reader.readFlag()
    self.init(pause: pause, epochInCharge: isInCharge ? try reader.read(UInt64.self) : nil)
  }
}

extension RefusalReason: WireCodable {
  public var encodedByteCount: Int { 4 + text.utf8.count }
  public func encode(into writer: inout WireWriter) { writer.write(text) }
  public init(from reader: inout WireReader) throws(WireError) { text = try reader.readText() }
}

extension Order: WireCodable {
  public var encodedByteCount: Int {
    switch self {
    case .faults(let faults): 1 + faults.encodedByteCount
    case .stepClock: 9
    case .trace: 5
    case .disk, .report: 2
    }
  }

  public func encode(into writer: inout WireWriter) {
    switch self {
    case .faults(let faults):
      writer.write(UInt8(1))
      faults.encode(into: &writer)
    case .stepClock(let interval):
      writer.write(UInt8(2))
      writer.write(interval.nanoseconds)
    case .disk(let order):
      writer.write(UInt8(3))
      writer.write(order.rawValue)
    case .report(let digest):
      writer.write(UInt8(4))
      writer.write(digest)
    case .trace(let every):
      writer.write(UInt8(5))
      writer.write(every)
    }
  }

  public init(from reader: inout WireReader) throws(WireError) {
    switch try reader.read(UInt8.self) {
    case 1: self = .faults(try NodeFaults(from: &reader))
    case 2:
      // The limit ensures that a clock stepped back many times does not go before its origin.
      let hour: Int64 = 3_600_000_000_000
      self = .stepClock(Interval(nanoseconds: try reader.readTime(in: -hour...hour)))
    case 3:
      let kind = try reader.read(UInt8.self)
      guard let order = DiskOrder(rawValue: kind) else {
        throw .malformed("\(kind) is no fault of a disk")
      }
      self = .disk(order)
    case 4: self = .report(digest: try reader.readFlag())
    case 5: self = .trace(every: try reader.read(UInt32.self))
    case let kind: throw .malformed("\(kind) is no order")
    }
  }
}

extension LinkDegradation: WireCodable {
  public var encodedByteCount: Int { 6 * 8 }

  public func encode(into writer: inout WireWriter) {
    for share in [loss, duplicate, reorder, corrupt] { writer.write(share) }
    writer.write(extraLatency.nanoseconds)
    writer.write(bandwidth ?? 0)
  }

  public init(from reader: inout WireReader) throws(WireError) {
    self.init()
    // Faults that overlap add up, so shares may exceed 1.
    loss = try reader.readNumber(in: 0...1000)
    duplicate = try reader.readNumber(in: 0...1000)
    reorder = try reader.readNumber(in: 0...1000)
    corrupt = try reader.readNumber(in: 0...1000)
    extraLatency = Interval(nanoseconds: try reader.readTime())
    // At least one bit per second; 0 stands for no limit, but -0 is malformed.
    let limit = try reader.readNumber(in: 0...1e15)
    guard limit.bitPattern == 0 || limit >= 1 else { throw .malformed("\(limit) bits per second") }
    bandwidth = limit == 0 ? nil : limit
  }
}

extension LinkFault: WireCodable {
  public var encodedByteCount: Int { 2 + degradation.encodedByteCount }

  public func encode(into writer: inout WireWriter) {
    writer.write(cutsOutbound)
    writer.write(cutsInbound)
    degradation.encode(into: &writer)
  }

  public init(from reader: inout WireReader) throws(WireError) {
    self.init()
    cutsOutbound = try reader.readFlag()
    cutsInbound = try reader.readFlag()
    degradation = try LinkDegradation(from: &reader)
  }
}

extension NodeFaults: WireCodable {
  public var encodedByteCount: Int { links.encodedByteCount + clients.encodedByteCount + 25 }

  public func encode(into writer: inout WireWriter) {
    links.encode(into: &writer)
    clients.encode(into: &writer)
    writer.write(slowness)
    writer.write(syncDelay.nanoseconds)
    writer.write(syncStalls)
    writer.write(drift)
  }

  public init(from reader: inout WireReader) throws(WireError) {
    self.init(nodeCount: 0)
    links = try [LinkFault](from: &reader)
    clients = try LinkDegradation(from: &reader)
    slowness = try reader.readNumber(in: 1...1e9)
    syncDelay = .nanoseconds(try reader.readTime())
    syncStalls = try reader.readFlag()
    drift = try reader.readNumber(in: -1000...1000)
  }
}

extension StateDigest: WireCodable {
  public var encodedByteCount: Int { 8 }

  public func encode(into writer: inout WireWriter) {
    writer.write(state)
    writer.write(commits)
  }

  public init(from reader: inout WireReader) throws(WireError) {
    state = try reader.read(UInt32.self)
    commits = try reader.read(UInt32.self)
  }
}

extension NodeUsage: WireCodable {
  public var encodedByteCount: Int { NodeUsage.counts.count * 8 }

  public func encode(into writer: inout WireWriter) {
    for field in NodeUsage.counts { writer.write(self[keyPath: field]) }
  }

  public init(from reader: inout WireReader) throws(WireError) {
    self.init(node: 0)
    for field in NodeUsage.counts { self[keyPath: field] = try reader.readInteger() }
  }
}

extension NodeReport: WireCodable {
  public var encodedByteCount: Int {
    var writer = WireWriter()
    encode(into: &writer)
    return writer.count
  }

  public func encode(into writer: inout WireWriter) {
    writer.write(status.role)
    writer.write(status.isInCharge)
    writer.write(status.isTail)
    writer.write(status.isCoordinator)
    writer.write(status.epoch)
    status.commitIndex.encode(into: &writer)
    status.lastIndex.encode(into: &writer)
    appliedIndex.encode(into: &writer)
    counters.encode(into: &writer)
    writer.write(itemCount)
    writer.write(allocatedByteCount)
    digest.encode(into: &writer)
    writer.write(violation != nil)
    if let violation { writer.write(violation) }
    stamps.encode(into: &writer)
  }

  public init(from reader: inout WireReader) throws(WireError) {
    let role = try reader.readText()
    let flags = [try reader.readFlag(), try reader.readFlag(), try reader.readFlag()]
    status = ReplicaStatus(
      role: role, isInCharge: flags[0], isTail: flags[1], isCoordinator: flags[2],
      epoch: try reader.read(UInt64.self), commitIndex: try LogIndex(from: &reader),
      lastIndex: try LogIndex(from: &reader))
    appliedIndex = try LogIndex(from: &reader)
    counters = try NodeUsage(from: &reader)
    itemCount = try reader.read(UInt64.self)
    allocatedByteCount = try reader.read(UInt64.self)
    digest = try StateDigest?(from: &reader)
    violation = try reader.readFlag() ? try reader.readText() : nil
    stamps = try [RequestStamp](from: &reader)
  }
}
