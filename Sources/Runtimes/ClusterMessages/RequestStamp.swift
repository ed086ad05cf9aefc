import Replication
import WireFormat

/// When a node took in a traced request, or answered it, by the monotonic clock, which all
/// processes of one machine share.
public struct RequestStamp: Equatable, Sendable {
  public enum Step: UInt8, Sendable {
    /// The node read the request (`begin`), had handled it and sent what it sends before its own
    /// sync (`middle`), and had synced if it did so at once (`end`).
    case taken = 1
    /// The turn that answered began (`begin`), and the reply was written (`middle`, `end`).
    case answered = 2
    /// The same for a turn that began because a sync had ended.
    case answeredAfterSync = 3
  }

  public var id: RequestID
  public var step: Step
  public var begin: Instant
  public var middle: Instant
  public var end: Instant

  public init(_ id: RequestID, _ step: Step, begin: Instant, middle: Instant, end: Instant) {
    self.id = id
    self.step = step
    self.begin = begin
    self.middle = middle
    self.end = end
  }
}

extension RequestStamp: WireCodable {
  public var encodedByteCount: Int { id.encodedByteCount + 1 + 24 }

  public func encode(into writer: inout WireWriter) {
    id.encode(into: &writer)
    writer.write(step.rawValue)
    for time in [begin, middle, end] { writer.write(time.nanoseconds) }
  }

  public init(from reader: inout WireReader) throws(WireError) {
    id = try RequestID(from: &reader)
    let number = try reader.read(UInt8.self)
    guard let step = Step(rawValue: number) else {
      throw .malformed("found step \(number) of a request, allowed 1 to 3")
    }
    self.step = step
    begin = Instant(nanoseconds: try reader.read(Int64.self))
    middle = Instant(nanoseconds: try reader.read(Int64.self))
    end = Instant(nanoseconds: try reader.read(Int64.self))
  }
}
