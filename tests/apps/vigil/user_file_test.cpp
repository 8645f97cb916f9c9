#include "apps/vigil/user_file.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include "apps/vigil/file.hpp"
#include "tests/apps/vigil/temporary_folder.hpp"

using namespace vigil;

namespace {

const std::array both{sip::DigestAlgorithm::md5, sip::DigestAlgorithm::sha256};
const std::string md5(32, '1'), sha(64, '2');

std::string error_of(const std::string& text) {
    const auto file = UserFile::parse(text, "u");
    REQUIRE_FALSE(file);
    CHECK(file.error().find('\n') == std::string::npos);
    return file.error();
}
auto put(std::string name, std::string realm, std::string password = "p") {
    return [=](UserFile& file) { return file.put(make_user(name, realm, password, both)); };
}

}  // namespace

TEST_CASE("A user file keeps hashes and never a password") {
    const TemporaryFolder folder;
    const auto path = folder.path("users");
    REQUIRE(edit_user_file(path, true, put("alice", "example.com", "wonderland")));
    const auto text = read_file(path);
    REQUIRE(text);
    CHECK(text->find("wonderland") == std::string::npos);
    const auto file = UserFile::read(path);
    REQUIRE(file);
    const auto alice = file->find("alice", "EXAMPLE.com");
    REQUIRE(alice);
    REQUIRE(alice->hashes.size() == 2);
    CHECK(alice->hashes[0] ==
          sip::make_ha1(sip::DigestAlgorithm::md5, "alice", "example.com", "wonderland"));
    CHECK(alice->hashes[1] ==
          sip::make_ha1(sip::DigestAlgorithm::sha256, "alice", "example.com", "wonderland"));
    struct stat status {};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
    CHECK_FALSE(is_readable_by_others(path));
}

TEST_CASE("Editing keeps comments and other users, and closes the file to others") {
    const TemporaryFolder folder;
    const auto path = folder.file("users", "# ours\n\nbob localhost MD5:" + md5 + "\n");
    ::chmod(path.c_str(), 0644);
    CHECK(is_readable_by_others(path));
    REQUIRE(edit_user_file(path, false, put("alice", "localhost")));
    CHECK_FALSE(is_readable_by_others(path));
    const auto text = read_file(path);
    REQUIRE(text);
    CHECK(text->starts_with("# ours\n\nbob localhost MD5:" + md5 + "\nalice localhost MD5:"));
    REQUIRE(edit_user_file(path, false, [](UserFile& file) -> Outcome<void> {
        CHECK(file.remove("alice", "localhost"));
        CHECK_FALSE(file.remove("alice", "localhost"));
        return {};
    }));
    CHECK(*read_file(path) == "# ours\n\nbob localhost MD5:" + md5 + "\n");
    // Nothing else is left beside it.
    CHECK(std::distance(std::filesystem::directory_iterator(folder.path("")), {}) == 1);
}

TEST_CASE("An edit that fails leaves the file as it was") {
    const TemporaryFolder folder;
    const auto path = folder.file("users", "bob localhost MD5:" + md5 + "\n");
    const auto before = *read_file(path);
    CHECK_FALSE(edit_user_file(path, false, [](UserFile& file) -> Outcome<void> {
        file.remove("bob", "localhost");
        return failure("no");
    }));
    CHECK(*read_file(path) == before);
    CHECK_FALSE(edit_user_file(folder.path("absent"), false, put("a", "b")));
    CHECK_FALSE(std::filesystem::exists(folder.path("absent")));
    CHECK_FALSE(edit_user_file(folder.path("no/such/folder"), true, put("a", "b")));
}

TEST_CASE("A link to a user file stays a link") {
    const TemporaryFolder folder;
    const auto real = folder.file("real", "");
    std::filesystem::create_symlink(real, folder.path("link"));
    REQUIRE(edit_user_file(folder.path("link"), false, put("alice", "localhost")));
    CHECK(std::filesystem::is_symlink(folder.path("link")));
    CHECK(UserFile::read(real)->users().size() == 1);
}

TEST_CASE("A password is changed in its place") {
    auto file = UserFile::parse("a r MD5:" + md5 + "\nb r MD5:" + md5 + "\n", "u");
    REQUIRE(file);
    REQUIRE(file->put(make_user("a", "R", "new", both)));
    CHECK(file->users().size() == 2);
    CHECK(file->users()[0].hashes.size() == 2);
    CHECK(file->text().starts_with("a R MD5:"));
}

TEST_CASE("What is wrong in a user file is named with its line") {
    CHECK(error_of("# c\na r\n").starts_with("u:2: "));
    CHECK(error_of("a r MD5:12\n").find("not 32 hexadecimal digits") != std::string::npos);
    CHECK(error_of("a r MD5:" + sha + "\n").find("not 32") != std::string::npos);
    CHECK(error_of("a r SHA-256:" + md5 + "\n").find("not 64") != std::string::npos);
    CHECK(error_of("a r SHA-1:" + md5 + "\n").find("\"SHA-1\"") != std::string::npos);
    CHECK(error_of("a r MD5:" + md5 + " MD5:" + md5 + "\n").find("twice") != std::string::npos);
    CHECK(error_of("a r MD5:" + md5 + "\na R MD5:" + md5 + "\n").starts_with("u:2: "));
    // A password that somebody wrote in clear is not repeated.
    CHECK(error_of("a r MD5:secret\n").find("secret") == std::string::npos);
    CHECK(UserFile::parse("a r MD5:" + md5 + "\r\n", "u"));
    CHECK(UserFile::parse("a r MD5:" + md5 + "\tSHA-512-256:" + sha, "u"));
    CHECK(UserFile::parse("", "u")->users().empty());
}

TEST_CASE("A user that could not be read back is not written") {
    UserFile file;
    for (const auto* name : {"", "a b", "a\nb", "#a", "a\x01", "a\"b", "a\\b"}) {
        CHECK_FALSE(file.put(make_user(name, "r", "p", both)));
        CHECK_FALSE(file.put(make_user("n", name, "p", both)));
    }
    CHECK_FALSE(file.put(make_user(std::string(201, 'a'), "r", "p", both)));
    CHECK(file.put(make_user(std::string(200, 'a'), "[::1]", "p", both)));
    CHECK(file.put(make_user("al:ice", "r", "p", both)));
    CHECK(UserFile::parse(file.text(), "u")->users().size() == 2);
}

TEST_CASE("A list of algorithms is read") {
    const auto three = parse_algorithms("SHA-256, md5,SHA-512-256");
    REQUIRE(three);
    CHECK(three->size() == 3);
    CHECK(three->front() == sip::DigestAlgorithm::sha256);
    for (const auto* wrong : {"", ",", "MD5,", "MD5-sess", "SHA256", "MD5,md5"})
        CHECK_FALSE(parse_algorithms(wrong));
}
