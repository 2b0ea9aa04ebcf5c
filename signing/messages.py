"""Every code of signing as a plain sentence in Vietnamese and English: what happened and what to do."""

from __future__ import annotations

_TABLE: dict[str, tuple[str, str]] = {
    # verdicts
    "PASSED": ("Hợp lệ: chữ ký nguyên vẹn và đáng tin cậy.", "Valid: the signature is intact and can be trusted."),
    "WARNED": (
        "Cảnh báo: có điều chưa xác nhận được; hãy đọc lý do trước khi sử dụng.",
        "Warning: something could not be confirmed; read the reasons before you rely on the file.",
    ),
    "FAILED": (
        "Không hợp lệ: không được sử dụng tệp này như văn bản đã ký.",
        "Not valid: do not use this file as a signed document.",
    ),
    "UNSIGNED": ("Không chữ ký: tệp không có chữ ký số.", "Unsigned: the file carries no digital signature."),
    "UNREADABLE": (
        "Không đọc được: tệp không thể kiểm tra; hãy xin bản khác từ nơi gửi.",
        "Unreadable: the file cannot be judged; ask the sender for another copy.",
    ),
    # errors
    "certification_not_first": (
        "Văn bản đã có chữ ký khác nên không thể ký chứng nhận lần đầu; văn bản được giữ nguyên.",
        "The document already carries a signature, so a certification is no longer possible; it is kept as it was.",
    ),
    "stamp_too_large": (
        "Hình chữ ký hoặc con dấu lớn hơn ô ký nên chưa ký. Hãy kiểm tra kích thước hình.",
        "The picture of signature or seal is larger than its field; nothing was signed. Check the picture's size.",
    ),
    "stamp_unreadable": (
        "Không đọc được hình chữ ký hoặc con dấu. Hãy dùng tệp PNG khác.",
        "The picture of signature or seal cannot be read. Use another PNG file.",
    ),
    "text_not_drawable": (
        "Số hoặc ngày có ký tự không in được nên chưa đóng dấu. Hãy sửa lại.",
        "Number or date holds a character that cannot be printed; nothing was sealed. Correct it.",
    ),
    "text_too_long": (
        "Số hoặc ngày quá dài so với chỗ trống trên văn bản nên chưa đóng dấu.",
        "Number or date is too long for its place on the paper; nothing was sealed.",
    ),
    "date_missing": (
        "Văn bản chưa đủ ngày, tháng, năm nên chưa thể đóng dấu. Hãy ghi đủ ngày.",
        "The document's date is not complete, so it cannot be sealed. Give the whole date.",
    ),
    "not_unlocked": (
        "Khóa chưa được mở cho đúng văn bản này; văn bản được giữ nguyên. Hãy nhập mật khẩu khóa rồi ký lại.",
        "The key is not unlocked for this very document; it is kept as it was. Enter its password and sign again.",
    ),
    "agent_gone": (
        "Bộ giữ khóa không hoạt động nên mọi khóa đang đóng; không có gì bị mất. Hãy thử lại sau ít phút.",
        "The key agent is not running, so all keys are locked; nothing was lost. Try again in a few minutes.",
    ),
    "agent_running": (
        "Một bộ giữ khóa khác đang chạy ở địa chỉ này.",
        "Another key agent is already running at this address.",
    ),
    "key_missing": (
        "Không tìm thấy khóa của người ký. Hãy báo quản trị viên.",
        "The signer's key was not found. Tell the administrator.",
    ),
    "key_unprotected": (
        "Tệp khóa không đọc được hoặc không được bảo vệ bằng mật khẩu nên không dùng.",
        "The key file cannot be read or is not protected by a password, so it is not used.",
    ),
    "key_certificate_mismatch": (
        "Khóa không khớp với chứng thư. Hãy báo quản trị viên.",
        "The key does not belong to the certificate. Tell the administrator.",
    ),
    "key_algorithm_unsupported": (
        "Loại khóa này chưa được hỗ trợ.",
        "This kind of key is not supported.",
    ),
    "certificate_unreadable": (
        "Không đọc được chứng thư của người ký. Hãy báo quản trị viên.",
        "The signer's certificate cannot be read. Tell the administrator.",
    ),
    "password_unknown": (
        "Chỉ người giữ khóa biết mật khẩu này; hãy nhập mật khẩu.",
        "Only the key's holder knows this password; enter it.",
    ),
    "wrong_pin": (
        "Mã PIN của khóa ký không đúng; chưa ký gì và hệ thống không tự thử lại. Hãy kiểm tra rồi nhập lại.",
        "The key's PIN is wrong; nothing was signed and it is not tried again by itself. Check it and enter it anew.",
    ),
    "pin_final_try": (
        "Thiết bị ký chỉ còn một lần nhập mã PIN trước khi bị khóa nên chưa thử. Hãy đăng nhập đúng một lần bằng phần "
        "mềm của thiết bị rồi ký lại.",
        "One more wrong PIN would lock the token, so it was not tried. Log in rightly once with the token's own "
        "program, then sign again.",
    ),
    "pin_locked": (
        "Khóa ký đã bị khóa do nhập sai mã PIN nhiều lần; văn bản được giữ nguyên. Hãy liên hệ nơi cấp để mở khóa.",
        "The key is locked after too many wrong PINs; the document is kept. Ask the issuer to unlock it.",
    ),
    "token_module_missing": (
        "Không nạp được phần mềm điều khiển của thiết bị ký. Hãy báo quản trị viên.",
        "The token's driver software cannot be loaded. Tell the administrator.",
    ),
    "token_missing": (
        "Không tìm thấy thiết bị ký; văn bản được giữ nguyên. Hãy cắm thiết bị rồi ký lại.",
        "The token was not found; the document is kept as it was. Plug it in and sign again.",
    ),
    "token_ambiguous": (
        "Có nhiều thiết bị ký cùng được cắm nên chưa ký. Hãy chọn một thiết bị.",
        "Several tokens are plugged in; nothing was signed. Choose one.",
    ),
    "token_busy": (
        "Thiết bị ký đang được dùng ở phiên khác; chưa ký gì. Hãy đóng phiên đó rồi thử lại.",
        "The token is in use in another session; nothing was signed. Close that session and try again.",
    ),
    "token_gone": (
        "Thiết bị ký không còn trả lời; văn bản chưa ký được giữ nguyên. Hãy cắm lại thiết bị rồi ký tiếp.",
        "The token no longer answers; what was not signed is kept as it was. Plug it in again and go on signing.",
    ),
    "key_ambiguous": (
        "Thiết bị có nhiều khóa ký nên chưa ký. Hãy chọn chứng thư của người ký.",
        "There are several keys; nothing was signed. Choose the signer's certificate.",
    ),
    "file_unusable": (
        "Không đọc hoặc ghi được tệp; tệp gốc được giữ nguyên. Hãy kiểm tra quyền và dung lượng rồi thử lại.",
        "A file cannot be read or written; the original is kept as it was. Check rights and space, then try again.",
    ),
    "returned_unsigned": (
        "Tệp trả về không có chữ ký ở ô đã giao; văn bản được giữ nguyên. Hãy ký lại bằng phần mềm ký.",
        "The returned file carries no signature in the field; the document is kept. Sign again in the signing program.",
    ),
    "returned_updates": (
        "Tệp trả về được cập nhật không đúng một lần nên không nhận; văn bản gốc được giữ nguyên.",
        "The returned file was not updated exactly once, so it is not accepted; the document is kept as it was.",
    ),
    "returned_changed": (
        "Tệp trả về bị thay đổi ngoài chữ ký nên không nhận; văn bản gốc được giữ nguyên. Hãy ký lại.",
        "The returned file differs in more than the signature; it is refused and the document is kept. Sign again.",
    ),
    "returned_other_kind": (
        "Chữ ký trong tệp trả về không đúng loại đã yêu cầu nên không nhận; văn bản gốc được giữ nguyên.",
        "The signature in the returned file is not of the kind asked for; it is not accepted and the document is kept.",
    ),
    "wrong_otp": (
        "Mã xác nhận một lần không đúng hoặc đã hết hạn; chưa ký gì. Hãy lấy mã mới rồi ký lại.",
        "The one-time code is wrong or too old; nothing was signed. Get a new code and sign again.",
    ),
    "service_down": (
        "Dịch vụ ký số từ xa không trả lời; văn bản được giữ nguyên. Hãy thử lại sau ít phút.",
        "The remote signing service does not answer; the document is kept as it was. Try again in a few minutes.",
    ),
    "service_refused": (
        "Dịch vụ ký số từ xa từ chối yêu cầu; văn bản được giữ nguyên. Hãy kiểm tra tài khoản hoặc báo quản trị viên.",
        "The remote signing service refused; the document is kept. Check the account or tell the administrator.",
    ),
    "service_rubbish": (
        "Dịch vụ ký số từ xa trả lời sai quy cách nên không dùng; văn bản được giữ nguyên. Hãy báo quản trị viên.",
        "The remote signing service gave an answer that makes no sense; nothing was changed. Tell the administrator.",
    ),
    "key_description_wrong": (
        "Tệp mô tả nơi giữ khóa (.toml) không dùng được; chưa ký gì. Hãy báo quản trị viên.",
        "The file that tells where the key lies (.toml) cannot be used; nothing was signed. Tell the administrator.",
    ),
    "access_token_open": (
        "Tệp mã truy cập dịch vụ ký phải do chính bộ giữ khóa sở hữu và chỉ mình nó đọc được (quyền 0600); chưa ký "
        "gì. Hãy báo quản trị viên.",
        "The file with the access token of the signing service must belong to the key agent and be readable by it "
        "alone (mode 0600); nothing was signed. Tell the administrator.",
    ),
    "pin_not_asked": (
        "Dịch vụ ký không hỏi mã PIN cho khóa này nên bộ giữ khóa không mở, vì ai cũng có thể ký. "
        "Hãy báo quản trị viên.",
        "The signing service asks no PIN for this key, so the key agent does not open it: anybody could sign. "
        "Tell the administrator.",
    ),
    "otp_asked": (
        "Dịch vụ ký đòi mã xác nhận một lần cho từng chữ ký nên không ký theo danh sách được; chưa ký gì. "
        "Hãy báo quản trị viên.",
        "The signing service asks for a one-time code for each signature, so no list can be signed with it; nothing "
        "was signed. Tell the administrator.",
    ),
    "other_user": (
        "Yêu cầu ký này do người khác chuẩn bị nên không hoàn tất; văn bản được giữ nguyên. Hãy tự ký lại từ đầu.",
        "Somebody else prepared this signature, so it is not completed; the document is kept as it was. Start anew.",
    ),
    "pending_used": (
        "Yêu cầu ký này đã được hoàn tất một lần và không dùng lại được. Hãy mở lại văn bản để xem chữ ký.",
        "This prepared signature was completed once and cannot be used again. Open the document to see the signature.",
    ),
    "pending_expired": (
        "Đã quá mười phút kể từ khi chuẩn bị ký nên giá trị ký không được nhận; văn bản được giữ nguyên. Hãy ký lại.",
        "More than ten minutes have passed since signing was prepared; nothing was changed. Sign again.",
    ),
    "pending_unreadable": (
        "Không đọc được trạng thái của lần chuẩn bị ký; văn bản được giữ nguyên. Hãy bắt đầu ký lại.",
        "The stored state of the prepared signature cannot be read; the document is kept as it was. Start anew.",
    ),
    "clock_behind": (
        "Đồng hồ của máy chạy lùi so với lúc chuẩn bị ký nên chưa hoàn tất; không có gì bị mất. Hãy báo quản trị viên.",
        "The clock stands before the moment signing was prepared; nothing was lost. Tell the administrator.",
    ),
    "input_changed": (
        "Tệp đã ký không còn giữ nguyên văn bản gốc nên bị loại bỏ; văn bản gốc được giữ nguyên.",
        "The signed file did not keep the original bytes and was discarded; the original is kept as it was.",
    ),
    "not_attributes": (
        "Dữ liệu gửi đến bộ giữ khóa không phải của một chữ ký văn bản nên bị từ chối.",
        "What was sent to the key agent does not belong to a document's signature and was refused.",
    ),
    "bad_request": (
        "Yêu cầu gửi đến bộ giữ khóa không đúng; không có gì được ký.",
        "The request to the key agent was malformed; nothing was signed.",
    ),
    "pki_missing": (
        "Thư mục này không có hạ tầng khóa thử nghiệm. Hãy chạy lệnh tạo chứng thư trước.",
        "This folder holds no test PKI. Raise one first.",
    ),
    "signing_error": (
        "Việc ký số không hoàn thành; không có gì bị mất. Hãy thử lại.",
        "Signing was not completed; nothing was lost. Please try again.",
    ),
    "document_error": (
        "Không dùng được tệp này; tệp gốc được giữ nguyên. Hãy chọn tệp khác.",
        "This file cannot be used; the original is kept as it was. Choose another file.",
    ),
    "not_a_pdf": (
        "Tệp không phải là PDF; tệp gốc được giữ nguyên. Hãy chọn một tệp PDF.",
        "The file is not a PDF; the original is kept as it was. Choose a PDF file.",
    ),
    "damaged": (
        "Cấu trúc tệp bị hỏng nên không đọc được. Hãy xin bản khác từ nơi gửi.",
        "The file's structure is damaged and cannot be read. Ask the sender for another copy.",
    ),
    "password_needed": (
        "Tệp được bảo vệ bằng mật khẩu nên không kiểm tra được. Hãy xin bản không đặt mật khẩu.",
        "The file is protected by a password and cannot be judged. Ask for a copy without a password.",
    ),
    "over_limit": (
        "Tệp vượt quá giới hạn cho phép (dung lượng, số trang hoặc độ phức tạp) nên không được kiểm tra.",
        "The file exceeds a limit (size, pages or complexity) and was not judged.",
    ),
    "over_limit_bytes": ("Tệp quá lớn nên không được kiểm tra.", "The file is too large and was not judged."),
    "over_limit_pages": (
        "Tệp có quá nhiều trang nên không được kiểm tra.",
        "The file has too many pages to be judged.",
    ),
    "over_limit_objects": (
        "Tệp có quá nhiều đối tượng nên không được kiểm tra.",
        "The file has too many objects to be judged.",
    ),
    "over_limit_depth": (
        "Cấu trúc tệp lồng nhau quá sâu nên không được kiểm tra.",
        "The file's structure is nested too deeply to be judged.",
    ),
    "over_limit_signatures": (
        "Tệp có quá nhiều chữ ký nên không được kiểm tra.",
        "The file has too many signatures to be judged.",
    ),
    "over_limit_stream": (
        "Dữ liệu nén trong tệp quá lớn nên không được kiểm tra.",
        "Compressed data in the file is too large to be judged.",
    ),
    "over_limit_memory": (
        "Tệp cần nhiều bộ nhớ hơn mức cho phép nên không kiểm tra tiếp; tệp được giữ nguyên.",
        "The file needs more memory than is allowed and was not checked further; it is kept as it was.",
    ),
    "check_interrupted": (
        "Việc kiểm tra tệp này bị ngắt giữa chừng nên chưa có kết luận; tệp được giữ nguyên. Hãy kiểm tra lại.",
        "The check of this file broke off without a verdict; the file is kept as it was. Check it again.",
    ),
    "over_limit_seconds": (
        "Việc kiểm tra vượt quá thời gian cho phép nên đã dừng lại.",
        "The check took longer than allowed and was stopped.",
    ),
    "not_permitted": (
        "Văn bản không cho phép ký như vậy; văn bản được giữ nguyên.",
        "The document does not permit this signature; it is kept as it was.",
    ),
    "leader_signature_missing": (
        "Văn bản chưa có chữ ký hợp lệ của người có thẩm quyền nên chưa thể đóng dấu. Hãy trình ký trước.",
        "The document has no valid signature of the competent person and cannot be sealed. Have it signed first.",
    ),
    "number_missing": (
        "Văn bản chưa có số nên chưa thể đóng dấu. Hãy cấp số trước.",
        "The document has no number yet and cannot be sealed. Give it a number first.",
    ),
    "field_missing": (
        "Văn bản không có ô chữ ký này; văn bản được giữ nguyên. Hãy tạo lại dự thảo.",
        "The document has no such signature field; it is kept as it was. Make the draft again.",
    ),
    "field_taken": (
        "Ô chữ ký này đã được ký; văn bản được giữ nguyên.",
        "This signature field is already signed; the document is kept as it was.",
    ),
    "document_locked": (
        "Văn bản đã được khóa bởi một chữ ký trước nên không ký thêm được.",
        "An earlier signature locked the document; it cannot be signed again.",
    ),
    "not_signed": (
        "Văn bản chưa có chữ ký nào nên không có gì để bổ sung; văn bản được giữ nguyên. Hãy ký trước.",
        "The document bears no signature, so there is nothing to add to; it is kept as it was. Sign it first.",
    ),
    "encrypted": (
        "Tệp được bảo vệ bằng mật khẩu nên không ký được. Hãy dùng bản không đặt mật khẩu.",
        "The file is protected by a password and cannot be signed. Use a copy without a password.",
    ),
    "key_unavailable": (
        "Khóa ký chưa mở cho văn bản này; không có gì bị mất. Hãy mở khóa rồi ký lại.",
        "The signing key is not unlocked for this document; nothing was lost. Unlock it and sign again.",
    ),
    "wrong_password": (
        "Mật khẩu khóa ký không đúng; không có gì bị mất. Hãy nhập lại.",
        "The password of the signing key is wrong; nothing was lost. Enter it again.",
    ),
    "no_key_file": (
        "Khóa này không do hệ thống giữ dưới dạng tệp nên không đổi mật khẩu ở đây; không có gì thay đổi. Hãy đổi mã "
        "PIN bằng phần mềm của thiết bị ký, hoặc tại nơi quản lý HSM hay dịch vụ ký.",
        "This key is no file kept here, so its password is not changed here; nothing was changed. Change its PIN with "
        "the program of the token, or where the HSM or the signing service is looked after.",
    ),
    "key_not_written": (
        "Không ghi được tệp khóa; mật khẩu cũ vẫn dùng được. Hãy báo quản trị viên.",
        "The key file could not be written; the old password still holds. Tell the administrator.",
    ),
    "throttled": (
        "Nhập sai mật khẩu quá nhiều lần; khóa ký tạm khóa. Hãy thử lại sau 15 phút.",
        "Too many wrong passwords; the key is blocked for now. Try again in 15 minutes.",
    ),
    "certificate_unfit": (
        "Chứng thư số không dùng được để ký; không có gì bị mất. Hãy liên hệ bộ phận quản lý chứng thư.",
        "The certificate cannot be used for signing; nothing was lost. Contact those who manage certificates.",
    ),
    "tsa_down": (
        "Máy chủ cấp dấu thời gian không trả lời; chưa có gì được ghi và không có gì bị mất. Hãy thử lại sau.",
        "The time-stamp server does not answer; nothing was written and nothing was lost. Try again later.",
    ),
    "revocation_down": (
        "Không tra được tình trạng thu hồi của chứng thư; không có gì bị mất. Hãy thử lại sau.",
        "The revocation status of the certificate cannot be told; nothing was lost. Try again later.",
    ),
    "value_rejected": (
        "Chữ ký tạo ra không khớp với văn bản và chứng thư nên bị từ chối; không có gì bị mất. Hãy ký lại.",
        "The signature does not fit the document and the certificate and was refused; nothing was lost. Sign again.",
    ),
    "expired": (
        "Lần mở khóa ký đã hết hạn; không có gì bị mất. Hãy mở khóa rồi ký lại.",
        "The unlock has expired; nothing was lost. Unlock the key and sign again.",
    ),
    "trust_unreadable": (
        "Không đọc được thư mục chứng thư tin cậy. Hãy kiểm tra lại cấu hình.",
        "The folder of trusted certificates cannot be read. Check the settings.",
    ),
    # byte-range guard
    "byterange_missing": (
        "Chữ ký không nói rõ phần nào của tệp đã được ký.",
        "The signature does not say which part of the file it covers.",
    ),
    "byterange_malformed": (
        "Vùng ký của chữ ký sai quy cách.",
        "The range of bytes covered by the signature is malformed.",
    ),
    "byterange_outside": ("Vùng ký vượt ra ngoài tệp.", "The signed range reaches beyond the file."),
    "byterange_gap": (
        "Khoảng trống của chữ ký chứa dữ liệu khác ngoài chính chữ ký đó.",
        "The gap left for the signature holds something else than this very signature.",
    ),
    "byterange_padding": (
        "Phần đệm sau chữ ký chứa dữ liệu lạ.",
        "The padding behind the signature holds foreign data.",
    ),
    "byterange_coverage": (
        "Chữ ký không bao trọn phiên bản tệp mà nó thuộc về: có phần hiển thị không được ký.",
        "The signature does not cover the whole of its revision: bytes are shown that are not signed.",
    ),
    "byterange_overlap": (
        "Vùng ký của chữ ký chồng lấn với một chữ ký khác một cách bất thường.",
        "The signed range overlaps another signature in an unlawful way.",
    ),
    "contents_missing": ("Ô chữ ký không chứa giá trị chữ ký.", "The signature holds no signature value."),
    # integrity
    "digest_mismatch": (
        "Nội dung đã bị thay đổi sau khi ký.",
        "The content was changed after it was signed.",
    ),
    "value_wrong": (
        "Giá trị chữ ký không khớp với chứng thư của người ký.",
        "The signature value does not fit the signer's certificate.",
    ),
    "container_unreadable": ("Không đọc được khối chữ ký.", "The signature container cannot be read."),
    "several_signers": (
        "Khối chữ ký có nhiều phần ký trong khi tiêu chuẩn chỉ cho phép một, nên không thể kết luận.",
        "The container holds several signers' parts where the standard allows one, so nothing can be concluded.",
    ),
    "signer_certificate_missing": (
        "Chữ ký không kèm chứng thư của người ký nên không thể kết luận.",
        "The signature does not carry its signer's certificate, so nothing can be concluded.",
    ),
    "signing_certificate_mismatch": (
        "Chứng thư kèm theo không phải là chứng thư mà người ký đã xác nhận.",
        "The enclosed certificate is not the one the signer committed to.",
    ),
    "signing_certificate_absent": (
        "Chữ ký không gắn chặt với chứng thư như chuẩn PAdES yêu cầu.",
        "The signature is not bound to its certificate as PAdES demands.",
    ),
    "subfilter_unsupported": (
        "Kiểu chữ ký này không kiểm tra được; không thể kết luận là hợp lệ.",
        "This kind of signature cannot be judged; it cannot be called valid.",
    ),
    "algorithm_unsupported": (
        "Thuật toán của chữ ký không được hỗ trợ nên không thể kết luận.",
        "The signature's algorithm is not supported, so nothing can be concluded.",
    ),
    "weak_algorithm": (
        "Chữ ký dùng thuật toán yếu, không còn bảo đảm an toàn.",
        "The signature uses a weak algorithm that is no longer safe.",
    ),
    # signatures as a whole
    "signature_removed": (
        "Một chữ ký từng có trong tệp đã bị gỡ bỏ.",
        "A signature that was in the file has been removed.",
    ),
    "signature_hidden": (
        "Tệp chứa một chữ ký bị che giấu, không gắn với ô chữ ký nào.",
        "The file holds a hidden signature that belongs to no signature field.",
    ),
    "signature_misplaced": (
        "Chữ ký nằm trong một ô không phải ô chữ ký nên bị che khỏi người đọc.",
        "The signature sits in a field that is no signature field and so is hidden from readers.",
    ),
    "signature_wrapped": (
        "Cùng một chữ ký xuất hiện ở nhiều nơi trong tệp.",
        "The same signature appears at several places of the file.",
    ),
    # changes
    "changed_permitted": (
        "Sau khi ký chỉ có những bổ sung được phép.",
        "Only permitted additions were made after signing.",
    ),
    "changed_listed": (
        "Sau khi ký có thay đổi cần xem lại; các thay đổi được liệt kê.",
        "There were changes after signing that need a look; they are listed.",
    ),
    "changed_forbidden": (
        "Nội dung hiển thị đã bị thay đổi trái phép sau khi ký.",
        "What is shown was changed after signing without permission.",
    ),
    "comparison_impossible": (
        "Không đọc được phiên bản đã ký nên không so sánh được với tệp hiện tại.",
        "The signed revision cannot be read and so cannot be compared with the file as it stands.",
    ),
    # trust
    "no_chain": (
        "Chứng thư của người ký không dẫn tới tổ chức chứng thực được tin cậy.",
        "The signer's certificate does not lead to a trusted authority.",
    ),
    "chain_invalid": (
        "Chuỗi chứng thư không hợp lệ.",
        "The chain of certificates is not valid.",
    ),
    "wrong_usage": (
        "Chứng thư không được cấp để ký văn bản.",
        "The certificate was not issued for signing documents.",
    ),
    "certificate_revoked": (
        "Chứng thư đã bị thu hồi trước thời điểm ký.",
        "The certificate had been revoked before the time of signing.",
    ),
    "certificate_revoked_no_proof": (
        "Chứng thư đã bị thu hồi và không có bằng chứng rằng chữ ký có trước đó.",
        "The certificate has been revoked and nothing proves that the signature is older.",
    ),
    "certificate_expired": (
        "Chứng thư đã hết hạn và không có bằng chứng rằng chữ ký có trước đó.",
        "The certificate has expired and nothing proves that the signature is older.",
    ),
    "certificate_expired_at_signing": (
        "Chứng thư đã hết hạn vào thời điểm ký.",
        "The certificate had already expired at the time of signing.",
    ),
    "certificate_not_yet_valid": (
        "Chứng thư chưa có hiệu lực vào thời điểm ký.",
        "The certificate was not yet valid at the time of signing.",
    ),
    "status_unknown": (
        "Chưa xác định được chứng thư có bị thu hồi hay không.",
        "It is not known whether the certificate has been revoked.",
    ),
    "time_in_future": (
        "Thời gian ký nằm sau thời điểm kiểm tra.",
        "The time of signing lies after the time of the check.",
    ),
    "timestamp_invalid": (
        "Dấu thời gian kèm theo không hợp lệ nên không được tính.",
        "The enclosed time-stamp is not valid and was not counted.",
    ),
    "timestamp_untrusted": (
        "Dấu thời gian kèm theo không đến từ tổ chức được tin cậy nên không được tính.",
        "The enclosed time-stamp does not come from a trusted authority and was not counted.",
    ),
    "timestamp_unconfirmed": (
        "Chưa xác định được chứng thư của tổ chức cấp dấu thời gian có bị thu hồi hay không nên dấu thời gian chưa "
        "được tính. Hãy cập nhật danh sách thu hồi rồi kiểm tra lại.",
        "It is not known whether the certificate of the time-stamp authority has been revoked, so the time-stamp was "
        "not counted. Renew the revocation lists and check again.",
    ),
    "timestamp_order": (
        "Thứ tự các dấu thời gian mâu thuẫn với nhau.",
        "The order of the time-stamps contradicts itself.",
    ),
    "clock_only": (
        "Thời gian ký do máy của người ký ghi, chưa được xác nhận.",
        "The time of signing comes from the signer's own clock and is not confirmed.",
    ),
    "test_certificate": (
        "Chứng thư thử nghiệm: không có giá trị pháp lý.",
        "Test certificate: without legal value.",
    ),
    # the file as a whole
    "read_leniently": (
        "Tệp có cấu trúc sai quy cách và được đọc theo cách nới lỏng.",
        "The file's structure is irregular and was read leniently.",
    ),
    "hybrid_references": (
        "Tệp có hai bảng tham chiếu song song; các phần mềm có thể hiển thị khác nhau.",
        "The file has two parallel reference tables; programs may show it differently.",
    ),
    "leading_bytes": (
        "Có dữ liệu lạ đứng trước phần đầu của tệp PDF.",
        "Foreign data stands before the beginning of the PDF.",
    ),
    "trailing_bytes": (
        "Có dữ liệu lạ nằm sau điểm kết thúc của tệp.",
        "Foreign data follows the end of the file.",
    ),
    "trailing_objects": (
        "Có nội dung được nối thêm sau điểm kết thúc của tệp mà không được ký.",
        "Content was appended after the end of the file without being signed.",
    ),
    "unlisted_objects": (
        "Phần bổ sung chứa đối tượng hoặc bảng tham chiếu nằm ngoài chuỗi tham chiếu của tệp.",
        "An update holds objects or a reference table that the file's chain of references does not reach.",
    ),
    "references_ambiguous": (
        "Bảng tham chiếu của phần bổ sung nói hai lần về cùng một đối tượng; các phần mềm có thể hiển thị khác nhau.",
        "The reference table of an update speaks twice of the same object; programs may show different things.",
    ),
    "certification_late": (
        "Chữ ký chứng nhận không phải là chữ ký đầu tiên của tệp như tiêu chuẩn yêu cầu.",
        "The certification is not the first signature of the file as the standard demands.",
    ),
    "structure_disputed": (
        "Hai cách đọc độc lập cho kết quả khác nhau về nội dung tệp.",
        "Two independent readings disagree about what the file holds.",
    ),
    "file_missing": ("Không tìm thấy tệp.", "The file was not found."),
    "internal_error": (
        "Bộ kiểm tra gặp lỗi ngoài dự kiến nên không kết luận; tệp được giữ nguyên.",
        "The verifier met an unexpected fault and gave no verdict; the file is kept as it was.",
    ),
    # active content
    "javascript": ("Tệp chứa mã JavaScript.", "The file contains JavaScript."),
    "launch": ("Tệp có thể mở chương trình khác.", "The file can start another program."),
    "xfa": ("Tệp chứa biểu mẫu XFA động.", "The file contains a dynamic XFA form."),
    "embedded_files": ("Tệp có tệp khác đính kèm bên trong.", "The file has other files embedded."),
    "remote_goto": ("Tệp có liên kết tới tài liệu bên ngoài.", "The file links to other documents."),
    "open_action": ("Tệp tự thực hiện hành động khi mở.", "The file acts by itself when opened."),
    "additional_actions": ("Tệp có hành động gắn với sự kiện.", "The file has actions bound to events."),
    "submit_form": ("Tệp có thể gửi dữ liệu ra ngoài.", "The file can send data elsewhere."),
    "import_data": ("Tệp có thể nhập dữ liệu từ bên ngoài.", "The file can import data from elsewhere."),
    "rich_media": ("Tệp chứa nội dung đa phương tiện.", "The file contains multimedia content."),
    # kinds of change
    "form_value": ("Giá trị ô biểu mẫu", "Value of a form field"),
    "form_field": ("Ô biểu mẫu", "Form field"),
    "annotation": ("Chú thích", "Annotation"),
    "overlay": ("Lớp che lên nội dung", "Overlay on the content"),
    "appearance": ("Hình hiển thị của ô", "Appearance of a field"),
    "action": ("Hành động tự chạy được thêm vào", "Action added"),
    "page_content": ("Nội dung trang", "Content of a page"),
    "page_count": ("Số trang hoặc thứ tự trang", "Number or order of pages"),
    "catalog": ("Thiết lập chung của tệp", "Document settings"),
    "structure": ("Cấu trúc đọc của tệp", "Reading structure of the document"),
    "signature_added": ("Chữ ký được thêm", "Signature added"),
    "signature_field": ("Ô chữ ký", "Signature field"),
    "signature_changed": ("Chữ ký bị thay đổi", "Signature changed"),
    "timestamp_added": ("Dấu thời gian được thêm", "Time-stamp added"),
    "dss": ("Dữ liệu chứng thực lưu trữ lâu dài", "Long-term validation data"),
    "metadata": ("Thông tin mô tả của tệp", "Metadata of the document"),
    "object": ("Đối tượng của tệp", "Object of the document"),
}

_UNKNOWN = (
    "Có điều chưa rõ khi xử lý chữ ký số ({code}); không có gì bị mất. Hãy báo cho người quản trị.",
    "Something unclear happened while handling a signature ({code}); nothing was lost. Tell the administrator.",
)


def sentence(code: str, locale: str = "vi") -> str:
    """Say a code in plain words.

    Args:
        code: code of an error, reason, note, flag, verdict or kind of change.
        locale: ``vi`` or ``en`` (``en_GB`` and the like are understood); anything else reads as ``vi``.

    Returns:
        One or two sentences; for an unknown code a general one that names the code.
    """
    column = 1 if locale.lower().startswith("en") else 0
    known = _TABLE.get(code)
    return known[column] if known else _UNKNOWN[column].format(code=code)


def codes() -> frozenset[str]:
    """All codes that have a sentence of their own."""
    return frozenset(_TABLE)
