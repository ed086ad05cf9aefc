import Testing

@testable import Results

@Suite("CSV files are read as RFC 4180 defines them")
struct CSVTests {
  private func read(_ text: String) throws -> [[String]] {
    var records = try CSVRecords(Array(text.utf8), file: "a.csv")
    var rows: [[String]] = [records.columns]
    while let record = try records.next() { rows.append(record.fields) }
    return rows
  }

  @Test("Fields may hold quotes, commas and line ends, and lines may end in LF or CRLF")
  func fields() throws {
    #expect(try read("a,b\r\n1,2\r\n") == [["a", "b"], ["1", "2"]])
    #expect(try read("a,b\n1,\n,2") == [["a", "b"], ["1", ""], ["", "2"]])
    #expect(
      try read("a,b\r\n\"x,\r\n\"\"y\"\"\",\"\"\r\n") == [["a", "b"], ["x,\r\n\"y\"", ""]])
  }

  @Test("The reader reads what the writer writes")
  func written() throws {
    let records = [["a", "b"], ["1,\"2\"", ""], ["x\r\ny", "\""], ["", "z"]]
    var text = CSVText(header: records[0])
    for record in records.dropFirst() { text.append(record) }
    #expect(try read(String(decoding: text.bytes, as: UTF8.self)) == records)
  }

  @Test(
    "The error for a damaged file names the line",
    arguments: [
      ("", "a.csv: found an empty file, allowed a header line with columns"),
      ("a,b\r\n1,2\r\n3\r\n", "a.csv: line 3: found 1 fields, allowed 2 as in the header"),
      ("a\r\n\"1\r\n", "a.csv: line 2: found a quote that is never closed"),
      ("a\r\n\"1\"2\r\n", "a.csv: line 2: found text behind a closing quote"),
      ("a\r\n1\"2\r\n", "a.csv: line 2: found a quote inside a field without quotes"),
      ("a\r\n\"1\n2\"\r\n3,4\r\n", "a.csv: line 4: found 2 fields, allowed 1 as in the header"),
      ("a\r\n1\r2\r\n", "a.csv: line 2: found a carriage return inside a field"),
    ])
  func damage(text: String, message: String) {
    #expect(throws: RunFileError(message)) { try read(text) }
  }

  @Test("A cell is a number, empty, or an error that quotes it")
  func numbers() throws {
    var records = try CSVRecords(Array("a,b\n1.5,\nnan,x\n".utf8), file: "a.csv")
    let first = try #require(try records.next())
    #expect(try first.number(0) == 1.5)
    #expect(try first.number(1) == nil)
    #expect(throws: RunFileError.self) { try first.requiredNumber(1) }
    let second = try #require(try records.next())
    #expect(
      throws: RunFileError("a.csv: line 3: a: found \"nan\", allowed a number or nothing")
    ) { try second.number(0) }
    #expect(throws: RunFileError.self) { try second.number(1) }
    #expect(throws: RunFileError.self) { try records.column("c") }
  }
}
