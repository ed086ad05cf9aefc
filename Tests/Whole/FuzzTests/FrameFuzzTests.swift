import Primitives
import ProtocolList
import Replication
import Testing
import WireFormat

/// Decoders return a value or an error for any bytes that come over a connection.
@Suite("Fuzzing: frames")
struct FrameFuzzTests {
  @Test("Streams of damaged frames, half of them resealed, give values or errors")
  func frames() throws {
    let corpus = FrameCorpus()
    #expect(corpus.decoders.count >= 16)
    #expect(corpus.samples.count >= 200)
    var accepted = 0
    var refused = 0
    let run = FuzzRun("FrameFuzzTests/frames", label: 0xF0, permille: 330)
    try run.forEachInput { random in
      let sample = corpus.samples[random.below(corpus.samples.count)]
      let other = corpus.samples[random.below(corpus.samples.count)]
      var bytes = sample.bytes
      Mutation.apply(to: &bytes, other: other.bytes, random: &random)
      if random.chance(0.75) { FrameFuzzTests.reseal(&bytes, like: sample.bytes) }
      if random.chance(0.3) { bytes += other.bytes }
      // Usually the intended decoder, sometimes another one.
      let own =
        random.chance(0.9) ? sample.decoder : random.below(corpus.decoders.count)
      return FrameFuzzTests.read(bytes, by: corpus.decoders[own], &accepted, &refused)
    }
    guard run.inputCount >= 1000 else { return }
    #expect(accepted > run.inputCount / 50)
    #expect(refused > run.inputCount / 50)
  }

  /// Reads a stream as a node does: frame by frame, up to the first invalid one.
  private static func read(
    _ bytes: [UInt8], by decoder: FrameDecoder, _ accepted: inout Int, _ refused: inout Int
  ) -> String? {
    var start = 0
    do throws(WireError) {
      while let header = try Frame.next(in: bytes, from: start, to: bytes.count) {
        guard header.body.lowerBound == start + Frame.headerByteCount,
          header.body.upperBound <= bytes.count
        else { return "a body at \(header.body) in \(bytes.count) bytes" }
        if let problem = try decoder.decode(bytes, header.body) { return problem }
        accepted += 1
        start = header.body.upperBound
      }
    } catch {
      refused += 1
    }
    return nil
  }

  /// Corrects length and checksum, and also the header unless the header itself is tested.
  static func reseal(_ bytes: inout [UInt8], like original: [UInt8]) {
    while bytes.count < Frame.headerByteCount { bytes.append(0) }
    bytes[8] = original[8]
    bytes[9] = original[9]
    let length = UInt32(bytes.count - 8)
    let checksum = bytes.withUnsafeBytes {
      CRC32C.checksum(UnsafeRawBufferPointer(rebasing: $0[8...]))
    }
    for index in 0..<4 {
      bytes[index] = UInt8(truncatingIfNeeded: length >> (8 * index))
      bytes[4 + index] = UInt8(truncatingIfNeeded: checksum >> (8 * index))
    }
  }

  @Test("Whole frames in a stream are found however the stream is cut")
  func chunks() throws {
    let corpus = FrameCorpus()
    let run = FuzzRun("FrameFuzzTests/chunks", label: 0xF1, permille: 50)
    try run.forEachInput { random in
      var stream: [UInt8] = []
      var starts: [Int] = []
      for _ in 0...random.below(5) {
        starts.append(stream.count)
        stream += corpus.samples[random.below(corpus.samples.count)].bytes
      }
      starts.append(stream.count)
      let cut = random.below(stream.count)
      var found = [0]
      for end in [cut, stream.count] {
        while let header = try Frame.next(in: stream, from: found[found.count - 1], to: end) {
          found.append(header.body.upperBound)
        }
      }
      return found == starts ? nil : "frames at \(found), not \(starts), cut at \(cut)"
    }
  }

  @Test(
    "A replica survives messages that no replica sends", arguments: ProtocolKind.allCases)
  func cores(kind: ProtocolKind) throws {
    var fuzz = CoreFuzz(kind: kind)
    let result = kind.visit(&fuzz)
    try result.get()
  }
}

/// Gives replicas messages that are damaged but well-formed.
struct CoreFuzz: ProtocolVisitor {
  let kind: ProtocolKind

  func visit<Core: ReplicaCore>(
    _ core: Core.Type, _ description: ProtocolDescription
  ) -> Result<Void, any Error> {
    Result { try run(Conversation<Core>(kind: kind)) }
  }

  private func run<Core: ReplicaCore>(_ said: Conversation<Core>) throws {
    let messages = said.messages.map { $0.message.encoded() }
    // The unreplicated server sends no messages.
    guard !messages.isEmpty || kind != .unreplicated else { return }
    let place = UInt64(ProtocolKind.allCases.firstIndex(of: kind) ?? 0)
    let run = FuzzRun("FrameFuzzTests/cores", label: 0xC0 + place, permille: 10)
    try run.forEachInput { random in
      let chosen = random.below(messages.count)
      var core = said.messages[chosen].receiver
      var effects = Effects<Core>()
      for _ in 0...random.below(4) {
        var bytes = messages[random.chance(0.7) ? chosen : random.below(messages.count)]
        Mutation.apply(to: &bytes, other: messages[random.below(messages.count)], random: &random)
        guard let strange = try? WireReader.decode(Core.Message.self, from: bytes) else { continue }
        // Hosts handle these; cores do not see them.
        guard Core.snapshotMessage(in: strange) == nil else { continue }
        let sender = random.below(said.membership.nodeCount)
        core.handle(
          .received(strange, from: ReplicaID(sender)),
          at: Instant(nanoseconds: 3_700_000_000_000), into: &effects)
        _ = core.status
      }
      return nil
    }
  }
}
