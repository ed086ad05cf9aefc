import Replication
import StateMachines
import WireFormat

/// What a session wants to know before it can go on answering.
public enum RespRequest: Equatable, Sendable {
  /// Answered through `complete(_:into:)`, or `fail` if the outcome is unknown.
  case store(KeyValueCommand)
  /// A text about the server, of the named sections, or of all if none is named. Answered through
  /// `inform`.
  case info(sections: [String])
}

/// One connection of a Redis client, without the connection: bytes in, commands of the store out,
/// replies in order. Pure.
///
/// A server feeds what it has read and asks `next` until it says `nil`. Commands that a client sends
/// without waiting become one command of the store, so a pipeline costs one log entry; at most one
/// command is outstanding, and what arrives meanwhile waits. Such a chunk takes effect at one moment;
/// if it only reads it is read-only.
///
/// Output is written into the server's buffer. A server should not feed a client that does not take its
/// replies: nothing here bounds that buffer.
public struct RespSession: Sendable {
  public enum Waiting: Equatable, Sendable {
    case nothing, store, info
  }

  public let limits: RespLimits
  public var parser: RespParser
  public var interpreter: RespInterpreter
  public var input = RespInput()
  public var chunk = RespChunk()
  public private(set) var waiting = Waiting.nothing
  /// Nothing that is still to come is understood: the client said goodbye, or something unintelligible.
  public private(set) var isClosing = false
  /// Sections of INFO that are asked for once everything before is answered.
  private var question: [String]?

  /// - Parameter connection: its number, which a client may ask for.
  public init(connection: Int64, limits: RespLimits = RespLimits()) {
    self.limits = limits
    parser = RespParser(limits: limits)
    interpreter = RespInterpreter(connection: connection, limits: limits)
  }

  /// Whether the server should go on reading. What it feeds nevertheless is kept.
  public var wantsInput: Bool {
    !isClosing && (waiting == .nothing || input.count < limits.maximumWaitingByteCount)
  }

  /// Whether to close the connection as soon as the output has left.
  public var shouldClose: Bool { isClosing && isIdle }

  /// Whether everything is answered that was asked in whole, provided that `next` has said `nil`.
  public var isIdle: Bool { waiting == .nothing && chunk.answers.isEmpty && question == nil }

  /// Takes what has arrived. Answers wait for `next`.
  public mutating func feed(_ bytes: [UInt8], in range: Range<Int>) {
    guard !isClosing else { return }
    input.append(bytes, in: range)
  }

  public mutating func feed(_ bytes: [UInt8]) { feed(bytes, in: 0..<bytes.count) }

  /// Answers what needs no store, and finds what to ask next.
  /// - Returns: `nil` while a request is outstanding, and when more input is needed.
  public mutating func next(into output: inout WireWriter) -> RespRequest? {
    guard waiting == .nothing else { return nil }
    // What a sequence left undone goes first, then the question behind it.
    if chunk.commands.isEmpty, question == nil { gather(into: &output) }
    if !chunk.commands.isEmpty {
      waiting = .store
      return .store(chunk.request)
    }
    flushLocal(into: &output)
    guard let sections = question else { return nil }
    question = nil
    waiting = .info
    return .info(sections: sections)
  }

  /// Fills the chunk with what has arrived.
  private mutating func gather(into output: inout WireWriter) {
    var taken = 0
    var takenByteCount = 0
    while !isClosing, question == nil {
      if !chunk.commands.isEmpty,
        taken >= limits.chunkCommandCount || takenByteCount >= limits.chunkByteCount
          || chunk.commands.count >= limits.chunkCommandCount
      {
        break
      }
      guard let length = parse() else { break }
      takenByteCount += length
      if !parser.arguments.isEmpty {
        taken += 1
        interpret()
      }
      input.consume(length)
      if chunk.commands.isEmpty { flushLocal(into: &output) }
    }
  }

  /// Answers by what the store has said.
  public mutating func complete(_ response: KeyValueResponse, into output: inout WireWriter) {
    guard waiting == .store else { return }
    waiting = .nothing
    chunk.answer(response, into: &output)
  }

  /// Answers by a text about the server.
  public mutating func inform(_ text: String, into output: inout WireWriter) {
    guard waiting == .info else { return }
    waiting = .nothing
    RespReply.prose(text, chunk.version, into: &output)
  }

  /// Answers everything outstanding by an error. What the store was asked may have taken effect.
  /// - Parameter text: begins with the error's kind: `ERR outcome unknown: …`, `CLUSTERDOWN …`.
  public mutating func fail(_ text: String, into output: inout WireWriter) {
    switch waiting {
    case .nothing: return
    case .info: RespReply.error(text, into: &output)
    case .store: chunk.fail(text, into: &output)
    }
    waiting = .nothing
  }

  /// Finds the next command; bytes that are none end the conversation.
  private mutating func parse() -> Int? {
    do {
      return try parser.next(in: &input.bytes, from: input.start, to: input.end)
    } catch {
      let before = chunk.local.count
      RespReply.error("ERR " + error.text, into: &chunk.local)
      chunk.closeLocal(since: before)
      close()
      return nil
    }
  }

  private mutating func interpret() {
    let before = chunk.local.count
    let arguments = RespArguments(
      bytes: input.bytes, start: input.start, slices: parser.arguments)
    let effect = interpreter.interpret(arguments, into: &chunk)
    chunk.closeLocal(since: before)
    switch effect {
    case .none: break
    case .quit: close()
    case .info(let sections): question = sections
    }
  }

  private mutating func close() {
    isClosing = true
    input.removeAll()
  }

  /// Sends replies that nothing stands before.
  private mutating func flushLocal(into output: inout WireWriter) {
    guard chunk.local.count > 0 else { return }
    output.write(chunk.local.storage, in: 0..<chunk.local.count)
    chunk.removeAll()
  }
}

/// What has been received and not been understood yet. The buffer is reused.
public struct RespInput: Sendable {
  /// Bytes `start..<end` wait.
  public var bytes: [UInt8] = []
  public var start = 0
  public var end = 0

  /// A larger buffer is given back when it runs empty.
  static var keptByteCount: Int { 64 << 10 }

  public init() {}

  public var count: Int { end - start }

  public mutating func append(_ source: [UInt8], in range: Range<Int>) {
    precondition(range.lowerBound >= 0 && range.upperBound <= source.count)
    guard !range.isEmpty else { return }
    makeRoom(for: range.count)
    bytes.withUnsafeMutableBytes { target in
      source.withUnsafeBytes { source in
        UnsafeMutableRawBufferPointer(rebasing: target[end..<end + range.count])
          .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[range]))
      }
    }
    end += range.count
  }

  public mutating func consume(_ count: Int) {
    // The parser may have given up, and its owner all that was left.
    start = min(start + count, end)
    if start == end { removeAll() }
  }

  public mutating func removeAll() {
    start = 0
    end = 0
    if bytes.count > RespInput.keptByteCount { bytes = [] }
  }

  private mutating func makeRoom(for count: Int) {
    guard bytes.count - end < count else { return }
    // Moving no more than was consumed since the last move keeps this linear.
    if start >= end - start, start > 0 {
      bytes.withUnsafeMutableBytes { all in
        guard let base = all.baseAddress else { return }
        base.copyMemory(from: base + start, byteCount: end - start)
      }
      end -= start
      start = 0
    }
    guard bytes.count - end < count else { return }
    let size = max(end + count, bytes.count * 2, 256)
    bytes.append(contentsOf: repeatElement(0, count: size - bytes.count))
  }
}
