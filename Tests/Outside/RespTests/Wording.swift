import Primitives
import Replication
import Resp
import StateMachines
import WireFormat

/// The bytes of a command as clients send it.
func command(_ words: String...) -> [UInt8] { command(words.map { Array($0.utf8) }) }

func command(_ words: [[UInt8]]) -> [UInt8] {
  var bytes = Array("*\(words.count)\r\n".utf8)
  for word in words { bytes += Array("$\(word.count)\r\n".utf8) + word + Array("\r\n".utf8) }
  return bytes
}

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }
func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

/// A session with its own store: takes a client's bytes and records all replies.
struct Conversation {
  var session: RespSession
  var store = KeyValueStore()
  var output = WireWriter()
  /// The store's requests.
  var requests: [KeyValueCommand] = []

  init(limits: RespLimits = RespLimits()) {
    session = RespSession(connection: 7, limits: limits, settings: [("save", ""), ("sand", "1")])
  }

  mutating func send(_ bytes: [UInt8]) {
    session.feed(bytes)
    settle()
  }

  /// Answers all requests of the session.
  mutating func settle() {
    while let request = session.next(into: &output) {
      switch request {
      case .store(let command):
        requests.append(command)
        let response = command.isReadOnly ? store.query(command) : store.apply(command)
        session.complete(response, into: &output)
      case .question(.info(let sections)):
        session.inform(.prose("about \(sections.joined(separator: "+"))"), into: &output)
      case .question(let question): session.inform(.words(["\(question)"]), into: &output)
      }
    }
  }

  /// The replies since the last call.
  mutating func received() -> String {
    defer { output.removeAll() }
    return text(output.bytes())
  }

  mutating func ask(_ words: String...) -> String {
    send(command(words.map { Array($0.utf8) }))
    return received()
  }
}

/// Random traffic: whole commands, lines, and sometimes malformed bytes.
enum Traffic {
  static let words = [
    "GET", "set", "MSET", "del", "EXISTS", "append", "INCR", "mget", "PING", "echo", "info",
    "HELLO", "MULTI", "exec", "EXEC", "WATCH", "DISCARD", "RESET", "TIME", "SCAN", "dbsize",
    "CLIENT", "select", "getset", "nx", "XX", "GET", "a", "b", "", "0", "-1", "9223372036854775807",
    "a value of more than fifteen bytes", "\0\r\n\u{FF}",
  ]

  static func word(_ random: inout RandomStream) -> [UInt8] {
    Array(words[random.below(words.count)].utf8)
  }

  static func some(_ random: inout RandomStream, commands: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    for _ in 0..<commands {
      switch random.below(12) {
      case 0: bytes += Array("get a\n".utf8)
      case 1: bytes += Array("set \"a\\x20b\" 'it\\'s'\r\n".utf8)
      case 2: bytes += Array("\r\n".utf8)
      case 3: bytes += Array("*0\r\n".utf8)
      case 4: bytes += command("INFO")
      default: bytes += command((0...random.below(5)).map { _ in word(&random) })
      }
    }
    return bytes
  }

  /// Flips, cuts, doubles or replaces a few bytes.
  static func damage(_ bytes: inout [UInt8], _ random: inout RandomStream) {
    for _ in 0...random.below(3) where !bytes.isEmpty {
      let position = random.below(bytes.count)
      switch random.below(4) {
      case 0: bytes[position] ^= UInt8(1 << random.below(8))
      case 1: bytes.removeSubrange(position..<min(position + random.below(8), bytes.count))
      case 2: bytes.insert(contentsOf: bytes[position...].prefix(random.below(20)), at: position)
      default: bytes[position] = Array("*$\r\n-0199\"'\\ ".utf8)[random.below(13)]
      }
    }
  }
}
