import Replication
import Resp
import StateMachines
import Testing

/// Tests the effects and answers of each command, with a session and a real store.
@Suite struct RespInterpreterTests {
  @Test("Values are set, read, extended, counted and removed")
  func values() {
    var client = Conversation()
    #expect(client.ask("SET", "a", "1") == "+OK\r\n")
    #expect(client.ask("get", "a") == "$1\r\n1\r\n")
    #expect(client.ask("GET", "none") == "$-1\r\n")
    #expect(client.ask("APPEND", "a", "23") == ":3\r\n")
    #expect(client.ask("APPEND", "new", "x") == ":1\r\n")
    #expect(client.ask("STRLEN", "a") == ":3\r\n")
    #expect(client.ask("STRLEN", "none") == ":0\r\n")
    #expect(client.ask("INCR", "a") == ":124\r\n")
    #expect(client.ask("DECRBY", "a", "24") == ":100\r\n")
    #expect(client.ask("INCRBY", "a", "-101") == ":-1\r\n")
    #expect(client.ask("DECR", "fresh") == ":-1\r\n")
    #expect(client.ask("EXISTS", "a", "none", "a") == ":2\r\n")
    #expect(client.ask("MSET", "a", "x", "b", "", "a", "y") == "+OK\r\n")
    #expect(client.ask("MGET", "a", "b", "none") == "*3\r\n$1\r\ny\r\n$0\r\n\r\n$-1\r\n")
    #expect(client.ask("DEL", "a", "b", "none", "a") == ":2\r\n")
    #expect(client.ask("SET", "", "") == "+OK\r\n")
    #expect(client.ask("GET", "") == "$0\r\n\r\n")
  }

  @Test("SET takes NX, XX and GET in any order and case, and refuses expiry by name")
  func set() {
    var client = Conversation()
    #expect(client.ask("SET", "a", "1", "XX") == "$-1\r\n")
    #expect(client.ask("SET", "a", "1", "nx") == "+OK\r\n")
    #expect(client.ask("SET", "a", "2", "NX") == "$-1\r\n")
    #expect(client.ask("SET", "a", "3", "xx") == "+OK\r\n")
    #expect(client.ask("SET", "a", "4", "GET") == "$1\r\n3\r\n")
    #expect(client.ask("SET", "a", "5", "get", "NX") == "$1\r\n4\r\n")
    #expect(client.ask("SET", "b", "5", "XX", "GET") == "$-1\r\n")
    #expect(client.ask("SET", "a", "6", "KEEPTTL") == "+OK\r\n")
    #expect(client.ask("MGET", "a", "b") == "*2\r\n$1\r\n6\r\n$-1\r\n")
    #expect(client.ask("SETNX", "a", "7") == ":0\r\n")
    #expect(client.ask("SETNX", "c", "7") == ":1\r\n")
    #expect(client.ask("GETSET", "c", "8") == "$1\r\n7\r\n")
    #expect(client.ask("GETDEL", "c") == "$1\r\n8\r\n")
    #expect(client.ask("GETDEL", "c") == "$-1\r\n")
    let before = client.requests.count
    for option in ["EX", "px", "EXAT", "PXAT"] {
      #expect(client.ask("SET", "a", "7", option, "10").hasPrefix("-ERR expiry is not supported"))
    }
    #expect(client.ask("SET", "a", "7", "NX", "XX") == "-ERR syntax error\r\n")
    #expect(client.ask("SET", "a", "7", "SOON") == "-ERR syntax error\r\n")
    #expect(client.ask("SET", "a", "7", "") == "-ERR syntax error\r\n")
    #expect(client.requests.count == before)
  }

  @Test("Counters refuse values that are not numbers, and sums that do not fit")
  func counters() {
    var client = Conversation()
    let notAnInteger = "-ERR value is not an integer or out of range\r\n"
    let overflow = "-ERR increment or decrement would overflow\r\n"
    for value in ["", " 1", "1 ", "+1", "01", "-0", "1.0", "9223372036854775808", "x"] {
      _ = client.ask("SET", "a", value)
      #expect(client.ask("INCR", "a") == notAnInteger, "\(value)")
      #expect(client.ask("INCRBY", "b", value) == notAnInteger, "\(value)")
      #expect(client.ask("GET", "a") == "$\(value.utf8.count)\r\n\(value)\r\n")
    }
    _ = client.ask("MSET", "a", "\(Int64.max)", "b", "\(Int64.min)")
    #expect(client.ask("INCR", "a") == overflow)
    #expect(client.ask("DECR", "b") == overflow)
    #expect(client.ask("DECRBY", "b", "\(Int64.min)") == "-ERR decrement would overflow\r\n")
    #expect(client.ask("MGET", "a") == "*1\r\n$19\r\n9223372036854775807\r\n")
  }

  @Test(
    "A command with too few or too many words is refused with its name",
    arguments: [
      ["get"], ["get", "a", "b"], ["set", "a"], ["mset", "a"], ["mset", "a", "1", "b"], ["mget"],
      ["del"], ["exists"], ["append", "a"], ["incr"], ["incr", "a", "b"], ["incrby", "a"], ["echo"],
      ["echo", "a", "b"], ["ping", "a", "b"], ["select"], ["strlen"], ["setnx", "a"], ["client"],
      ["getset", "a"], ["config"],
    ])
  func arity(words: [String]) {
    var client = Conversation()
    client.send(command(words.map { Array($0.uppercased().utf8) }))
    #expect(
      client.received() == "-ERR wrong number of arguments for '\(words[0])' command\r\n")
    #expect(client.requests.isEmpty)
  }

  @Test("Unknown commands are refused, quoted up to a length, and never executed")
  func unknown() {
    var client = Conversation()
    #expect(
      client.ask("ZADD", "z", "1", "a")
        == "-ERR unknown command 'ZADD', with args beginning with: 'z' '1' 'a' \r\n")
    #expect(client.ask("") == "-ERR unknown command '', with args beginning with: \r\n")
    #expect(
      client.ask("EXPIRE", "a", "1")
        == "-ERR unknown command 'EXPIRE': expiry is not supported\r\n")
    let long = String(repeating: "x", count: 300)
    #expect(client.ask(long, long).utf8.count < 350)
    #expect(client.ask("a\r\nb") == "-ERR unknown command 'a  b', with args beginning with: \r\n")
    #expect(client.requests.isEmpty)
  }

  @Test("Too many keys in one command are refused, and the allowed number is one store command")
  func keys() {
    var limits = RespLimits()
    limits.maximumKeyCount = 100
    var client = Conversation(limits: limits)
    let names = (0..<100).map { Array("key-\($0)".utf8) }
    client.send(command([bytes("MSET")] + names.flatMap { [$0, bytes("v")] }))
    client.send(command([bytes("MGET")] + names))
    client.send(command([bytes("EXISTS")] + names))
    client.send(command([bytes("DEL")] + names))
    #expect(
      client.received() == "+OK\r\n*100\r\n" + String(repeating: "$1\r\nv\r\n", count: 100)
        + ":100\r\n:100\r\n")
    #expect(client.requests.count == 4)
    client.send(command([bytes("DEL")] + names + [bytes("b")]))
    #expect(client.received() == "-ERR 101 keys in one command, over the limit of 100\r\n")
  }

  @Test(
    "Clients may send a greeting, name themselves and ask about the server")
  func connection() {
    var client = Conversation()
    #expect(client.ask("PING") == "+PONG\r\n")
    #expect(client.ask("PING", "x") == "$1\r\nx\r\n")
    #expect(client.ask("ECHO", "\0\r\n") == "$3\r\n\0\r\n\r\n")
    for version in ["1", "4", "-1"] {
      #expect(client.ask("HELLO", version) == "-NOPROTO unsupported protocol version\r\n")
    }
    #expect(client.ask("HELLO", "x").hasPrefix("-ERR Protocol version is not an integer"))
    #expect(client.ask("HELLO").hasPrefix("*14\r\n$6\r\nserver\r\n"))
    #expect(client.ask("HELLO", "2", "AUTH", "default", "x", "SETNAME", "me").hasPrefix("*14\r\n"))
    #expect(client.ask("CLIENT", "GETNAME") == "$2\r\nme\r\n")
    #expect(client.ask("HELLO", "2", "AUTH", "root", "x").hasPrefix("-WRONGPASS "))
    #expect(
      client.ask("HELLO", "2", "SETNAME") == "-ERR Syntax error in HELLO option 'SETNAME'\r\n")
    #expect(client.ask("CLIENT", "SETNAME", "a b").hasPrefix("-ERR Client names cannot contain"))
    #expect(client.ask("CLIENT", "SETNAME", "") == "+OK\r\n")
    #expect(client.ask("CLIENT", "GETNAME") == "$-1\r\n")
    #expect(client.ask("CLIENT", "ID") == ":7\r\n")
    #expect(client.ask("CLIENT", "SETINFO", "LIB-NAME", "x") == "+OK\r\n")
    #expect(client.ask("CLIENT", "KILL").hasPrefix("-ERR unknown subcommand 'KILL'"))
    #expect(client.ask("CLIENT", "NO-EVICT", "on") == "+OK\r\n")
    #expect(
      client.ask("CLIENT", "SETNAME").hasPrefix("-ERR wrong number of arguments for 'client|"))
    #expect(client.ask("AUTH", "x").hasPrefix("-ERR AUTH <password> called without any password"))
    #expect(client.ask("AUTH", "default", "x") == "+OK\r\n")
    #expect(client.ask("SELECT", "0") == "+OK\r\n")
    #expect(client.ask("SELECT", "1") == "-ERR DB index is out of range\r\n")
    #expect(client.ask("SELECT", "x") == "-ERR value is not an integer or out of range\r\n")
    #expect(client.ask("CONFIG", "GET", "save") == "*2\r\n$4\r\nsave\r\n$0\r\n\r\n")
    #expect(client.ask("CONFIG", "GET", "nothing") == "*0\r\n")
    #expect(client.ask("CONFIG", "GET", "sa[nx]?") == "*2\r\n$4\r\nsand\r\n$1\r\n1\r\n")
    #expect(client.ask("CONFIG", "GET", "s*", "save").hasPrefix("*4\r\n"))
    #expect(client.ask("CONFIG", "SET", "save", "").hasPrefix("-ERR unknown subcommand 'SET'"))
    #expect(client.ask("COMMAND", "DOCS", "get") == "*0\r\n")
    #expect(client.ask("COMMAND").hasPrefix("*\(RespCommandName.allCases.count)\r\n*10\r\n"))
    #expect(client.ask("COMMAND", "COUNT") == ":\(RespCommandName.allCases.count)\r\n")
    #expect(client.requests.isEmpty)
  }

  @Test(
    "A cursor is read as Redis reads it: by strtoul, which has no quarrel with no digits at all")
  func cursors() {
    var client = Conversation()
    _ = client.ask("SET", "a", "1")
    let all = "*2\r\n$1\r\n0\r\n*1\r\n$1\r\na\r\n"
    for start in ["0", "", "-0", "+0", "00", "0\0", "\0", "\0x", "-00\0x"] {
      #expect(client.ask("SCAN", start) == all, "\(start)")
    }
    // Numbers that no call has returned are cursors, too.
    for other in ["-1", "+7", "18446744073709551615", "-18446744073709551615", "-9"] {
      #expect(client.ask("SCAN", other).hasPrefix("*2\r\n$1\r\n0\r\n"), "\(other)")
    }
    for none in [
      "x", "+", "-", " 0", "0 ", "0x0", "1-", "--1", "18446744073709551616",
      "-18446744073709551616",
    ] {
      #expect(client.ask("SCAN", none) == "-ERR invalid cursor\r\n", "\(none)")
    }
    #expect(
      client.ask("SCAN", "", "COUNT", "x") == "-ERR value is not an integer or out of range\r\n")
  }

  @Test("Every command takes the number of arguments that COMMAND states")
  func arities() {
    for name in RespCommandName.allCases {
      let arity = name.facts.arity
      #expect(name.arity == (arity < 0 ? -arity...Int.max : arity...arity), "\(name)")
      #expect(RespCommandName.named(bytes(name.rawValue), in: 0..<name.rawValue.utf8.count) == name)
    }
  }

  @Test("RESP3 differs in nulls, maps and prose, starting with the greeting")
  func version3() {
    var client = Conversation()
    client.send(
      command("GET", "a") + command("HELLO", "3") + command("GET", "a") + command("INFO", "x"))
    #expect(
      client.received()
        == "$-1\r\n%7\r\n$6\r\nserver\r\n$8\r\nrsmbench\r\n$7\r\nversion\r\n$5\r\n7.0.0\r\n"
        + "$5\r\nproto\r\n:3\r\n$2\r\nid\r\n:7\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n"
        + "$4\r\nrole\r\n$6\r\nmaster\r\n$7\r\nmodules\r\n*0\r\n"
        + "_\r\n=11\r\ntxt:about x\r\n")
    #expect(client.ask("MGET", "a", "b") == "*2\r\n_\r\n_\r\n")
    #expect(client.ask("SET", "a", "1", "XX") == "_\r\n")
    #expect(client.ask("CLIENT", "GETNAME") == "_\r\n")
    #expect(client.ask("CONFIG", "GET", "save") == "%1\r\n$4\r\nsave\r\n$0\r\n\r\n")
    #expect(client.ask("COMMAND", "DOCS") == "%0\r\n")
    // A refused greeting has no effect.
    #expect(client.ask("HELLO", "2", "SETNAME", "a b").hasPrefix("-ERR Client names"))
    #expect(client.ask("GET", "a") == "_\r\n")
    #expect(client.ask("HELLO").hasPrefix("%7\r\n"))
    #expect(client.ask("HELLO", "2").hasPrefix("*14\r\n"))
    #expect(client.ask("GET", "a") == "$-1\r\n")
  }
}
