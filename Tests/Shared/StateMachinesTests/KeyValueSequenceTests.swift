import Primitives
import Replication
import StateMachines
import Testing
import WireFormat

@Suite struct KeyValueSequenceTests {
  let a = Key("a")
  let b = Key("b")

  /// Any command but a sequence, over a few keys, so that commands often share a key.
  static func command(_ random: inout RandomStream) -> KeyValueCommand {
    let key = Key(random.chance(0.2) ? "a-key-of-more-than-fifteen-bytes" : "k\(random.below(4))")
    let texts = ["", "7", "-12", "9223372036854775807", "seven", "a longer value than the others"]
    let value = Array(texts[random.below(texts.count)].utf8)
    let expected = random.chance(0.3) ? nil : Array(texts[random.below(texts.count)].utf8)
    return switch random.below(15) {
    case 0: .get(key)
    case 1: .put(key, value: value)
    case 2: .delete(key)
    case 3: .append(key, value: value)
    case 4: .compareAndSwap(key, expected: expected, value: value)
    case 5: .exists(key)
    case 6: .length(key)
    case 7: .increment(key, by: Int64(bitPattern: random.next()) >> Int64(random.below(64)))
    case 8: .putIfAbsent(key, value: value)
    case 9: .putIfPresent(key, value: value)
    case 10: .range(key, first: Int64(random.below(12)) - 6, last: Int64(random.below(12)) - 6)
    case 11: .addDecimal(key, DecimalFraction(spelledBy: Array("-1.5e-3".utf8), in: 0..<7)!)
    case 12: .count
    case 13: random.chance(0.1) ? .clear : .count
    default:
      .scan(
        from: UInt64(random.below(6)), count: UInt32(random.below(4)),
        pattern: Array(random.chance(0.5) ? "*".utf8 : "k[0-1]".utf8))
    }
  }

  @Test(
    "A sequence has the effects and answers of its commands one by one",
    arguments: 0..<200 as Range<UInt64>)
  func oneByOne(seed: UInt64) {
    var random = RandomStream(seed: seed)
    var together = KeyValueStore()
    var apart = KeyValueStore()
    for _ in 0..<20 {
      let commands = (0..<random.below(12)).map { _ in Self.command(&random) }
      let responses = commands.map { apart.apply($0) }
      #expect(
        together.apply(.sequence(KeyValueSequence(commands))) == .sequence(responses),
        "seed \(seed)")
      #expect(together.snapshot() == apart.snapshot(), "seed \(seed)")
      let reads = commands.filter(\.isReadOnly)
      let answers = reads.map { apart.query($0) }
      #expect(
        together.query(.sequence(KeyValueSequence(reads))) == .sequence(answers), "seed \(seed)")
      for (read, answer) in zip(reads, answers) { #expect(apart.apply(read) == answer) }
    }
  }

  @Test("Commands and responses survive encoding", arguments: 0..<200 as Range<UInt64>)
  func wire(seed: UInt64) throws {
    var random = RandomStream(seed: seed)
    var store = KeyValueStore()
    let commands = (0..<random.below(20)).map { _ in Self.command(&random) }
    let responses = commands.map { store.apply($0) }
    for command in commands + [.sequence(KeyValueSequence(commands))] {
      let bytes = command.encoded()
      #expect(bytes.count == command.encodedByteCount, "seed \(seed)")
      #expect(try WireReader.decode(KeyValueCommand.self, from: bytes) == command, "seed \(seed)")
    }
    for response in responses + [.sequence(responses)] {
      let bytes = response.encoded()
      #expect(bytes.count == response.encodedByteCount, "seed \(seed)")
      #expect(
        try WireReader.decode(KeyValueResponse.self, from: bytes) == response, "seed \(seed)")
    }
  }

  @Test(
    "Damaged bytes are refused or have a meaning, and never trap",
    arguments: 0..<50 as Range<UInt64>)
  func damage(seed: UInt64) throws {
    var random = RandomStream(seed: seed, label: 1)
    var store = KeyValueStore()
    let commands = (0..<8).map { _ in Self.command(&random) }
    let originals = [
      KeyValueCommand.sequence(KeyValueSequence(commands)).encoded(),
      store.apply(.sequence(KeyValueSequence(commands))).encoded(),
    ]
    for _ in 0..<100 {
      for var bytes in originals {
        for _ in 0...random.below(3) {
          bytes[random.below(bytes.count)] = UInt8(truncatingIfNeeded: random.next())
        }
        bytes.removeLast(random.below(bytes.count))
        if let command = try? WireReader.decode(KeyValueCommand.self, from: bytes) {
          #expect(command.encoded() == bytes, "seed \(seed)")
          _ = store.apply(command)
        }
        if let response = try? WireReader.decode(KeyValueResponse.self, from: bytes) {
          #expect(response.encoded() == bytes, "seed \(seed)")
        }
      }
    }
  }

  @Test("Neither a nested sequence nor one that is too long is decoded")
  func refusedSequences() {
    let nested = KeyValueCommand.sequence([.get(a), .sequence([.get(a)])])
    #expect(throws: WireError.malformed("a sequence within a sequence")) {
      try WireReader.decode(KeyValueCommand.self, from: nested.encoded())
    }
    let nestedAnswer = KeyValueResponse.sequence([.sequence([.done, .done])])
    #expect(throws: WireError.malformed("a sequence within a sequence")) {
      try WireReader.decode(KeyValueResponse.self, from: nestedAnswer.encoded())
    }
    let count = UInt32(KeyValueSequence.maximumCount + 1)
    var commands = WireWriter()
    var responses = WireWriter()
    commands.write(KeyValueCommand.sequenceKind)
    commands.write(count)
    commands.write(17 * count)
    commands.write([UInt8](repeating: 0, count: 17 * Int(count)))
    responses.write(KeyValueResponse.sequenceKind)
    responses.write(count)
    responses.write([UInt8](repeating: 1, count: Int(count)))
    #expect(throws: WireError.malformed("a sequence of \(count) commands")) {
      try WireReader.decode(KeyValueCommand.self, from: commands.bytes())
    }
    #expect(throws: WireError.malformed("a sequence of \(count) responses")) {
      try WireReader.decode(KeyValueResponse.self, from: responses.bytes())
    }
    // One command fewer is accepted: the bytes without the last command, with the count lowered.
    commands.overwrite(at: 1, with: count - 1)
    commands.overwrite(at: 5, with: 17 * (count - 1))
    #expect(throws: Never.self) {
      try WireReader.decode(KeyValueCommand.self, from: Array(commands.bytes().dropLast(17)))
    }
    // A count that the bytes cannot hold is refused before memory is allocated for it.
    #expect(throws: WireError.truncated) {
      try WireReader.decode(KeyValueCommand.self, from: [10, 255, 255, 0, 0, 255, 255, 255, 255])
    }
  }

  @Test(
    "Gathered commands form a sequence, also after the first ones are dropped",
    arguments: 0..<100 as Range<UInt64>)
  func gathering(seed: UInt64) throws {
    var random = RandomStream(seed: seed, label: 2)
    var builder = KeyValueSequenceBuilder()
    for _ in 0..<4 {
      let commands = (0..<1 + random.below(8)).map { _ in Self.command(&random) }
      for command in commands {
        if case .put(let key, let value) = command {
          builder.appendPut(key, value: [1] + value + [2], in: 1..<value.count + 1)
        } else {
          builder.append(command)
        }
      }
      #expect(builder.sequence == KeyValueSequence(commands), "seed \(seed)")
      #expect(builder.sequence.commands == commands, "seed \(seed)")
      #expect(builder.sequence.isReadOnly == commands.allSatisfy(\.isReadOnly), "seed \(seed)")
      #expect(builder.first == commands.first)
      let dropped = random.below(commands.count + 1)
      builder.removeFirst(dropped)
      #expect(
        builder.sequence == KeyValueSequence(Array(commands[dropped...])), "seed \(seed)")
      builder.removeAll(keeping: 100 * random.below(2))
      #expect(builder.isEmpty && builder.byteCount == 0 && builder.first == nil)
    }
  }

  @Test("A sequence whose bytes are not the stated number of whole commands is refused")
  func wholeCommands() {
    let bytes = KeyValueCommand.sequence([.get(a), .put(b, value: [1, 2])]).encoded()
    for count: UInt8 in [0, 1, 3] {
      var wrong = bytes
      wrong[1] = count
      #expect(throws: WireError.self, "\(count)") {
        try WireReader.decode(KeyValueCommand.self, from: wrong)
      }
    }
  }

  @Test("A sequence ends before the value that does not fit into its answer")
  func answerLimit() {
    var store = KeyValueStore()
    let half = Array(repeating: UInt8(1), count: KeyValueStore.maximumAnswerByteCount / 2)
    _ = store.apply(.put(a, value: half))
    _ = store.apply(.put(b, value: half + half + [1]))
    // If only reads that fit are asked for, all are answered.
    #expect(
      store.apply(.sequence([.get(a), .get(a), .length(b), .exists(b)]))
        == .sequence([.value(half), .value(half), .number(Int64(2 * half.count + 1)), .number(1)]))
    #expect(
      store.query(.sequence([.get(a), .get(a), .get(a)]))
        == .sequence([.value(half), .value(half)]))
    // The command that does not fit has no effect, nor do those after it.
    let swap = KeyValueCommand.compareAndSwap(b, expected: half + half + [1], value: [9])
    #expect(
      store.apply(.sequence([.get(a), swap, .put(a, value: [])])) == .sequence([.value(half)]))
    #expect(store[a] == half && store[b]?.count == 2 * half.count + 1)
    // The first command is always carried out, however long its answer is.
    guard case .sequence(let one) = store.apply(.sequence([.get(b), .get(a)])) else {
      Issue.record("no sequence")
      return
    }
    #expect(one.count == 1)
  }
}

@Suite struct DecimalIntegerTests {
  @Test("Every number has one spelling")
  func spelling() {
    for number in [0, 1, -1, 9, 10, -10, 123_456, .max, .max - 1, .min, .min + 1] as [Int64] {
      let bytes = DecimalInteger.spell(number)
      #expect(bytes == Array("\(number)".utf8))
      #expect(DecimalInteger.parse(bytes, in: 0..<bytes.count) == number)
      #expect(DecimalInteger.parse([49] + bytes + [49], in: 1..<bytes.count + 1) == number)
    }
  }

  @Test(
    "Any other spelling is not a number",
    arguments: [
      "", "-", "+1", " 1", "1 ", "01", "-0", "00", "-01", "1.0", "1e3", "0x1", "--1",
      "9223372036854775808", "-9223372036854775809", "99999999999999999999",
      "18446744073709551617", "999999999999999999999999", "/", ":",
    ])
  func refused(text: String) {
    #expect(DecimalInteger.parse(Array(text.utf8), in: 0..<text.utf8.count) == nil)
  }
}
